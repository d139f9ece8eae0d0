import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Item, Sale, TimedSale } from "@/api/schema";
import { formatTime } from "@/format/window";
import { saleQuery } from "./api/get-sale";
import { standingOf } from "./standing";
import { StockBar } from "./stock-bar";

/** Of a sale, what is shown of the stock of one of its items. */
const stockOf =
  (sku: string) =>
  ({ state, payment, items }: TimedSale) => ({ state, payment, item: items.find((item) => item.sku === sku) });

/** How much is left of an item. It looks by itself, because it moves while nothing around it does. */
export function Stock({ sale, sku }: { sale: string; sku: string }) {
  // Whoever shows the sale keeps it up to date.
  const { data } = useQuery({ ...saleQuery(sale), enabled: false, select: stockOf(sku) });
  return data?.item && <Level state={data.state} payment={data.payment} item={data.item} />;
}

function Level({ state, payment, item }: Pick<Sale, "state" | "payment"> & { item: Item }) {
  const { t, i18n } = useTranslation("sale");
  const standing = standingOf(item, payment);
  const upcoming = state === "upcoming";
  const words = upcoming
    ? t("stock.all", { count: item.quantity })
    : state === "ended"
      ? t("stock.over")
      : standing === "available"
        ? t("stock.left", { count: item.free ?? 0 })
        : standing === "reserved" && item.nextExpiry
          ? t("stock.reservedUntil", { time: formatTime(item.nextExpiry, i18n.language) })
          : t(`stock.${standing}`);
  return (
    <div>
      <StockBar
        free={upcoming ? item.quantity : state === "ended" ? 0 : item.free}
        held={state === "ended" ? 0 : (item.held ?? 0)}
        quantity={item.quantity}
      />
      {/* Two lines, because the longest of these texts has two on a phone. */}
      <p className="mt-2 min-h-12 text-muted tabular-nums">{words}</p>
    </div>
  );
}
