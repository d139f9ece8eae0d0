import type { Item, Money } from "@/api/schema";

/** What an item costs; `null` where nothing does. */
type Price = Money | null;

/** The least and the most that items cost, for each currency among them. */
export function priceRanges(items: readonly Item[]): [least: Price, most: Price][] {
  const ranges = new Map<string, [Money, Money]>();
  for (const { price } of items) {
    if (!price) continue;
    const [least, most] = ranges.get(price.currency) ?? [price, price];
    ranges.set(price.currency, [
      price.amountMinor < least.amountMinor ? price : least,
      price.amountMinor > most.amountMinor ? price : most,
    ]);
  }
  const all: [Price, Price][] = [...ranges.values()];
  if (items.some(({ price }) => !price)) {
    const first = all.shift();
    all.unshift([null, first?.[1] ?? null]);
  }
  return all;
}
