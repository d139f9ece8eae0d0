import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { OrderTotals } from "@/api/schema";
import { numberFormat } from "@/format/formats";
import { Card } from "@/ui/card";

const ENDS = ["confirmed", "held", "cancelled", "expired", "refunded"] as const;

/** How many orders came to which end. */
export function Ends({ orders }: { orders: OrderTotals }) {
  const { t, i18n } = useTranslation("merchant");
  const id = useId();
  const number = numberFormat(i18n.language);
  return (
    <section aria-labelledby={id} className="space-y-4">
      <h2 id={id} className="font-semibold text-xl">
        {t("ends.title")}
      </h2>
      <Card>
        <dl className="grid grid-cols-2 gap-x-8 gap-y-4 sm:grid-cols-3 lg:grid-cols-5">
          {ENDS.map((end) => (
            <div key={end}>
              <dt className="text-muted text-sm">{t(`ends.${end}`)}</dt>
              <dd className="font-semibold text-xl tabular-nums">{number.format(orders[end])}</dd>
            </div>
          ))}
        </dl>
      </Card>
    </section>
  );
}
