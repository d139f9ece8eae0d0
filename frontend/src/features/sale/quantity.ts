import type { Item, Sale } from "@/api/schema";

/** Most units of an item that an order could ever have: the smallest of its limits, whatever the stock. */
export function mostEver(sale: Pick<Sale, "perCustomer">, item: Pick<Item, "perOrder" | "perCustomer">): number {
  return Math.min(item.perOrder, item.perCustomer ?? item.perOrder, sale.perCustomer ?? item.perOrder);
}

/** Most units that it makes sense to ask for now; at least one, because asking is how one learns that there is none. */
export function mostNow(sale: Sale, item: Item): number {
  return Math.max(1, Math.min(mostEver(sale, item), item.free ?? Number.POSITIVE_INFINITY));
}

/** What was chosen, as far as it can be had. */
export function within(chosen: number, most: number): number {
  return Math.min(Math.max(1, Math.trunc(chosen) || 1), most);
}
