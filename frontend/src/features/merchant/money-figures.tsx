import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { MoneyTotals } from "@/api/schema";
import { formatMoney } from "@/format/money";
import { Card } from "@/ui/card";

const FIGURES = ["revenue", "pending", "refunded", "refundsDue"] as const;

/** What a sale earned, in each of its currencies. */
export function MoneyFigures({ money }: { money: readonly MoneyTotals[] }) {
  const { t, i18n } = useTranslation("merchant");
  const id = useId();
  return (
    <section aria-labelledby={id} className="space-y-4">
      <h2 id={id} className="font-semibold text-xl">
        {t("money.title")}
      </h2>
      {money.length === 0 && <p className="text-muted">{t("money.none")}</p>}
      {money.map((totals) => (
        <Card key={totals.revenue.currency}>
          <dl className="grid grid-cols-1 gap-x-8 gap-y-5 sm:grid-cols-2 lg:grid-cols-4">
            {FIGURES.map((figure) => (
              <div key={figure}>
                <dt className="font-medium">{t(`money.${figure}`)}</dt>
                <dd>
                  <span className="block font-bold text-2xl tabular-nums">
                    {formatMoney(totals[figure], i18n.language)}
                  </span>
                  <span className="block text-muted text-sm">{t(`money.${figure}Text`)}</span>
                </dd>
              </div>
            ))}
          </dl>
        </Card>
      ))}
    </section>
  );
}
