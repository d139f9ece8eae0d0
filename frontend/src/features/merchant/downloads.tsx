import { Download } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";

const LISTS = ["totals", "orders", "payments"] as const;

/** The lists of a sale as files. The browser fetches them by itself, so that it never holds all orders in a page. */
export function Downloads({ sale, ordersSha256 }: { sale: string; ordersSha256: string }) {
  const { t } = useTranslation("merchant");
  const id = useId();
  return (
    <section aria-labelledby={id} className="space-y-4">
      <h2 id={id} className="font-semibold text-xl">
        {t("download.title")}
      </h2>
      <p className="text-muted text-sm">{t("download.text")}</p>
      <ul className="flex flex-wrap gap-3">
        {LISTS.map((list) => (
          <li key={list} className="grow sm:grow-0">
            <Button asChild look="plain" className="w-full">
              <a
                href={`/v1/sales/${encodeURIComponent(sale)}/statement/download?of=${list}`}
                download={`${sale}-${list}.csv`}
              >
                <Download aria-hidden className="size-5" />
                {t(`download.${list}`)}
              </a>
            </Button>
          </li>
        ))}
      </ul>
      <p className="text-muted text-sm">
        {t("download.hash")} <bdi className="break-all font-mono">{ordersSha256}</bdi>
      </p>
    </section>
  );
}
