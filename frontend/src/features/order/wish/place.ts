import type { Deed } from "./wish";

/** Where a wish is stored and what its lock is called: one per customer and thing, so a second one finds the first. */
export function placeOf(customer: string, deed: Deed): string {
  const thing = deed.to === "buy" ? deed.sku : deed.order;
  return `${PLACES}${deed.to}/${customer}/${deed.sale}/${thing}`;
}

/** What the names of all places begin with. */
export const PLACES = "sluice.wish/";
