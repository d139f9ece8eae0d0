/** What was last seen of a sale, put together from its answers and its events: the later one wins. */
import type { Item, ItemStock, SaleEvent, TimedSale } from "@/api/schema";
import { standingOf } from "./standing";

/** How a sale stands at one time: all of an event, and the part of an answer that moves. */
type Standing = Pick<TimedSale, "serverTime" | "state" | "start" | "end"> & { readonly items: readonly ItemStock[] };

/** The sale as the event says that it stands; what an event does not tell (names, prices) stays. */
export function withEvent(sale: TimedSale, { serverTime, state, start, end, items }: Standing): TimedSale {
  const stocks = new Map(items.map((stock) => [stock.sku, stock]));
  const moved = sale.items.map((item) => {
    const stock = stocks.get(item.sku);
    return stock === undefined ? item : withStock(item, stock);
  });
  return { ...sale, serverTime, state, start, end, items: moved };
}

/** What an event does not tell of an item's holds any more is not so any more. */
function withStock({ held: _held, nextExpiry: _nextExpiry, ...item }: Item, stock: ItemStock): Item {
  const { free, availability, held, nextExpiry } = stock;
  return {
    ...item,
    free,
    availability,
    ...(held === undefined ? {} : { held }),
    ...(nextExpiry === undefined ? {} : { nextExpiry }),
  };
}

/** An answer, unless an event that was sent after it came before it. */
export function fresher(answer: TimedSale, known: TimedSale | undefined): TimedSale {
  if (known === undefined || Date.parse(known.serverTime) <= Date.parse(answer.serverTime)) return answer;
  return withEvent(answer, known);
}

/** Whether an event tells more than numbers that moved: then it is shown at once. */
export function isTurn(sale: TimedSale, event: SaleEvent): boolean {
  if (event.state !== sale.state || event.start !== sale.start || event.end !== sale.end) return true;
  const standings = ({ items, payment }: TimedSale) => items.map((item) => standingOf(item, payment)).join();
  return standings(withEvent(sale, event)) !== standings(sale);
}

/** An event that has waited to be shown, and what was known when it came: an answer that came since then may be later. */
export interface Waiting {
  readonly event: SaleEvent;
  readonly known: TimedSale;
}

/** The sale with an event that has waited. */
export function withWaiting(sale: TimedSale, { event, known }: Waiting): TimedSale {
  const overtaken = sale !== known && Date.parse(event.serverTime) < Date.parse(sale.serverTime);
  return overtaken ? sale : withEvent(sale, event);
}

/** Whether an event shows that the sale itself was changed (an item was added, units came), so that it must be read again. */
export function isOutgrown(sale: TimedSale, event: SaleEvent): boolean {
  const known = new Map(sale.items.map((item) => [item.sku, item]));
  return event.items.some(({ sku, free }) => {
    const item = known.get(sku);
    return item === undefined || (free ?? 0) > item.quantity;
  });
}
