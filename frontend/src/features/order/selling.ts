import type { Item, Sale } from "@/api/schema";

/** Of a sale, what it takes to buy in it. */
export type SaleToBuy = Pick<Sale, "id" | "state" | "end" | "guestsAllowed">;
/** Of an item, what it takes to buy it. */
export type ItemToBuy = Pick<Item, "sku" | "availability" | "price">;

/** What the button says. */
export type Offer = "buy" | "take" | "anyway" | "upcoming" | "paused" | "ended" | "unavailable";

/** What a sale offers of an item now. That nothing seems to be free is no reason not to ask: only the shop knows. */
export function offerOf(sale: SaleToBuy, item: ItemToBuy): Offer {
  if (sale.state !== "open") return sale.state;
  if (item.availability === "none-free") return "anyway";
  return item.price === undefined ? "take" : "buy";
}

export const sells = (offer: Offer) => offer === "buy" || offer === "take" || offer === "anyway";
