import type { Sale } from "@/api/schema";

/** Units of all items of a sale together; those that are free are known only when every item's are. */
export function unitsOf({ items }: Pick<Sale, "items">): { quantity: number; free: number | undefined } {
  const quantity = items.reduce((sum, item) => sum + item.quantity, 0);
  const free = items.reduce<number | undefined>(
    (sum, item) => (sum === undefined || item.free === null ? undefined : sum + item.free),
    0,
  );
  return { quantity, free };
}
