import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Item, Sale } from "@/api/schema";
import { classes } from "@/ui/classes";
import { Picture } from "./picture";
import { Price } from "./price";
import { mostEver, mostNow, within } from "./quantity";
import { QuantityPicker } from "./quantity-picker";
import { Stock } from "./stock";

/** What buys so many of an item; whoever composes the page brings it. */
export type BuySlot = (sale: Sale, item: Item, quantity: number) => ReactNode;

interface Props {
  sale: Sale;
  item: Item;
  buy: BuySlot;
  /** Whether it is the only one, and has the page for itself. */
  alone: boolean;
}

/** One thing that is for sale. Every part has its place in every state, so that nothing moves under a finger. */
export function ItemCard({ sale, item, buy, alone }: Props) {
  const [chosen, setChosen] = useState(1);
  const most = mostNow(sale, item);
  const quantity = within(chosen, most);
  const over = sale.state === "ended";
  return (
    <article
      className={classes(
        "flex h-full flex-col overflow-hidden rounded-2xl border border-line bg-card",
        alone && "md:flex-row",
      )}
    >
      <Picture item={item} className={classes("aspect-4/3 shrink-0", alone && "md:w-1/2")} />
      <div className={classes("flex grow flex-col gap-3 p-4 sm:p-5", alone && "md:justify-center md:p-8")}>
        <div>
          <h2 className={classes("font-semibold", alone ? "text-xl sm:text-2xl" : "text-lg")}>
            <bdi>{item.name}</bdi>
          </h2>
          <p className={classes("font-bold", alone ? "text-2xl" : "text-xl")}>
            <Price items={[item]} />
          </p>
        </div>
        <Limits item={item} />
        <Stock sale={sale.id} sku={item.sku} />
        <div className="mt-auto space-y-3">
          {mostEver(sale, item) > 1 && (
            <div className={classes(over && "invisible")}>
              <QuantityPicker name={item.name} value={quantity} most={most} onChange={setChosen} />
            </div>
          )}
          {/* As wide as the card: what is refused is explained here. */}
          <div className="min-h-13">{buy(sale, item, quantity)}</div>
        </div>
      </div>
    </article>
  );
}

function Limits({ item }: { item: Item }) {
  const { t } = useTranslation("sale");
  const { perOrder, perCustomer } = item;
  return (
    <p className="text-muted text-sm">
      {perCustomer === perOrder
        ? t("limit.customer", { count: perCustomer })
        : [t("limit.order", { count: perOrder }), perCustomer && t("limit.customer", { count: perCustomer })]
            .filter(Boolean)
            .join(" · ")}
    </p>
  );
}
