import type { Item, Sale, TimedSale } from "@/api/schema";
import { mostEver } from "./quantity";

/**
 * A sale as most of its page needs it: of the numbers that move all the time only as much as something else turns on, so
 * that nothing but the numbers themselves is drawn again with each of them.
 */
export function still({ serverTime: _, ...sale }: TimedSale): Sale {
  return { ...sale, items: sale.items.map((item) => stillItem(sale, item)) };
}

/** An item that has enough for any order has enough; of those that are held it matters whether there are some. */
function stillItem(sale: Sale, { nextExpiry: _, held, free, ...item }: Item): Item {
  return {
    ...item,
    free: free === null ? null : Math.min(free, mostEver(sale, item)),
    ...(held === undefined ? {} : { held: Math.min(held, 1) }),
  };
}
