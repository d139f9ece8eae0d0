import { Fragment } from "react";
import { useTranslation } from "react-i18next";
import type { Item, Money } from "@/api/schema";
import { formatMoney } from "@/format/money";
import { priceRanges } from "./prices";

/** What one thing costs, or from what to what several do. */
export function Price({ items }: { items: readonly Item[] }) {
  const { t, i18n } = useTranslation();
  const written = (price: Money | null) => (price ? formatMoney(price, i18n.language) : t("free"));
  return priceRanges(items).map(([least, most], index) => {
    const [low, high] = [written(least), written(most)];
    return (
      <Fragment key={low}>
        {index > 0 && " · "}
        <bdi>{low}</bdi>
        {high !== low && (
          <>
            {" – "}
            <bdi>{high}</bdi>
          </>
        )}
      </Fragment>
    );
  });
}
