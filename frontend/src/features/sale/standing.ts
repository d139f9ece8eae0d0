/** What can be had of a sale and its items right now, in one word each. */
import type { Item, Sale } from "@/api/schema";

export type ItemStanding =
  /** There are units to be had. */
  | "available"
  /** Every unit is taken, some of them not paid: they may come back. */
  | "reserved"
  /** Every unit has found a customer, and none of them has anything to pay any more. */
  | "sold-out"
  /** Every unit is taken; whether one may come back is not known. */
  | "none-free"
  /** Nobody has looked yet. */
  | "unknown";

/**
 * How an item stands.
 *
 * Only a claim is refused as sold out for certain. Where orders are paid, a unit that nobody has now may be one of an order
 * that is being paid, so the page does not say more than it knows.
 */
export function standingOf(item: Item, payment: Sale["payment"]): ItemStanding {
  if (item.availability === "available") return "available";
  if (item.availability === "unknown") return "unknown";
  if ((item.held ?? 0) > 0) return "reserved";
  return payment === "none" ? "sold-out" : "none-free";
}

/** What a sale is doing, and when it is open, whether there is anything to be had. */
export type SaleStanding = Sale["state"] | Exclude<ItemStanding, "available" | "unknown">;

export function saleStanding({ state, items, payment }: Sale): SaleStanding {
  if (state !== "open" || items.length === 0) return state;
  const all = new Set(items.map((item) => standingOf(item, payment)));
  if (all.has("available") || all.has("unknown")) return "open";
  if (all.has("reserved")) return "reserved";
  return all.has("none-free") ? "none-free" : "sold-out";
}

/** When a sale changes by the clock alone, in milliseconds; undefined when it does not. */
export function turnOf({ state, start, end }: Sale): number | undefined {
  if (state === "ended" || state === "unavailable") return undefined;
  return Date.parse(state === "upcoming" ? start : end);
}

/** Units that can be had of all items; null while that is not known of one. */
export function freeOfAll(items: readonly Item[]): number | null {
  return items.reduce<number | null>((sum, { free }) => (sum === null || free === null ? null : sum + free), 0);
}

/** Units that a sale has of all items. */
export function quantityOfAll(items: readonly Item[]): number {
  return items.reduce((sum, { quantity }) => sum + quantity, 0);
}
