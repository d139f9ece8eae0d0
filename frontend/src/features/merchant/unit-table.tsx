import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { ItemTotals } from "@/api/schema";
import { numberFormat } from "@/format/formats";
import { formatMoney } from "@/format/money";

const COLUMNS = ["quantity", "withheld", "free", "held", "sold", "released", "refunded"] as const;

/** Where the units of each item are. Narrow screens move the table within its own frame, by finger or arrow keys. */
export function UnitTable({ items }: { items: readonly ItemTotals[] }) {
  const { t, i18n } = useTranslation("merchant");
  const id = useId();
  const number = numberFormat(i18n.language);
  const cell = "px-3 py-3 text-end tabular-nums first:ps-4 last:pe-4 sm:first:ps-6 sm:last:pe-6";
  return (
    <div className="space-y-4">
      <h2 id={id} className="font-semibold text-xl">
        {t("units.title")}
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse. */}
      <section aria-labelledby={id} tabIndex={0} className="overflow-x-auto rounded-2xl border border-line bg-card">
        <table className="w-full whitespace-nowrap">
          <thead>
            <tr className="border-line border-b text-muted text-sm">
              <th scope="col" className="px-4 py-3 text-start font-medium sm:px-6">
                {t("units.item")}
              </th>
              {COLUMNS.map((column) => (
                <th key={column} scope="col" className={`${cell} font-medium`}>
                  {t(`units.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {items.map((item) => (
              <tr key={item.sku}>
                <th scope="row" className="min-w-40 whitespace-normal px-4 py-3 text-start font-medium sm:px-6">
                  {item.itemName}
                  <span className="block font-normal text-muted text-sm">
                    <bdi>{item.sku}</bdi>
                    {item.price && ` · ${formatMoney(item.price, i18n.language)}`}
                  </span>
                </th>
                {COLUMNS.map((column) => (
                  <td key={column} className={`${cell} ${column === "sold" ? "font-bold" : ""}`}>
                    {number.format(item[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {items.some(({ shortfall }) => shortfall > 0) && (
        <p className="text-muted text-sm">
          {t("units.shortfall", { count: items.reduce((sum, { shortfall }) => sum + shortfall, 0) })}
        </p>
      )}
    </div>
  );
}
