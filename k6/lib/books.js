// The books before and after: a merchant reads what the ledger has, and it must be what shoppers were told.
//
// What must always hold: nothing here is guessed from the load. Units, orders and money are read from the statement, page by
// page, once both sides of the books are said to balance and show what the edges show. What was there before the load began
// is subtracted, so that any sale can be loaded, not only a new one.

import { sleep } from "k6";
import http from "k6/http";
import * as measures from "./measures.js";
import { edges, merchant, sale, unitsSaid, wantedSku } from "./run.js";
import { idPart } from "./shopper.js";

/** How long the sale may take to be known everywhere, and the books to be complete, in seconds. */
const WITHIN = 90;
/** Between two looks, in seconds. */
const LOOK_AGAIN = 0.25;

/** Gives up later than what waits here does. */
export const LIMITS = { setupTimeout: "180s", teardownTimeout: "180s" };

/** Asks until something is there; nothing after the bound. */
function eventually(ask) {
  for (const until = Date.now() + WITHIN * 1000; Date.now() < until; sleep(LOOK_AGAIN)) {
    const found = ask();
    if (found !== undefined) return found;
  }
  return undefined;
}

function get(url, session) {
  const headers = session ? { Authorization: `Bearer ${session}` } : {};
  const answer = http.get(url, { headers, tags: { name: "books" } });
  return answer.status === 200 ? answer.json() : undefined;
}

/** The sale as one edge shows it; nothing while it does not know what is left. */
export function page(edge) {
  const shown = get(`${edge}/v1/sales/${sale}`);
  return shown?.items.every((item) => item.free !== null) ? shown : undefined;
}

/** The statement and every order in it, summed up. */
function read() {
  const address = `${edges[0]}/v1/sales/${sale}/statement`;
  const statement = get(address, merchant);
  if (!statement) return undefined;
  const books = { statement, orders: 0, confirmed: 0, expired: 0, ids: 0, sold: 0, money: 0, units: {} };
  for (let cursor = ""; cursor !== undefined; ) {
    const orders = get(`${address}/orders?limit=100${cursor && `&cursor=${cursor}`}`, merchant);
    if (!orders) return undefined;
    for (const order of orders.orders) {
      books.orders += 1;
      books.ids += idPart(order.id);
      if (order.reason === "expired") books.expired += 1;
      if (order.state === "released") continue;
      const mine = `${order.customer} ${order.sku}`;
      books.units[mine] = (books.units[mine] ?? 0) + order.quantity;
      if (order.state !== "confirmed") continue;
      books.confirmed += 1;
      books.sold += order.quantity;
      books.money += order.total?.amountMinor ?? 0;
    }
    cursor = orders.cursor;
  }
  return books;
}

/** Units that are sold, by the statement; nothing while it cannot be had. */
export function sold() {
  const statement = get(`${edges[0]}/v1/sales/${sale}/statement`, merchant);
  return statement?.items.reduce((sum, item) => sum + item.sold, 0);
}

/** What a statement says of an item. */
function of(statement, sku) {
  return statement.items.find((item) => item.sku === sku);
}

/** Setup: waits until every edge knows the sale and the ledger does, and notes what the books say already. */
export function opened(options) {
  const early = options?.early ?? 0;
  const shown = edges.map((edge) => eventually(() => page(edge)));
  if (shown.includes(undefined)) throw new Error(`an edge does not show the sale ${sale} within ${WITHIN} s`);
  const before = eventually(read);
  if (!before) throw new Error(`no statement of ${sale} can be had within ${WITHIN} s: is the session a merchant's?`);
  const item = shown[0].items.find((one) => one.sku === wantedSku) ?? shown[0].items[0];
  const start = Date.parse(shown[0].start);
  const wait = (start - Date.now()) / 1000 - early;
  if (early > 0 && wait < 0)
    throw new Error(`${sale} opens too soon or is open: nobody can come ${early} s early any more`);
  if (early > 0) sleep(wait);
  const { orders, ids, expired, confirmed } = before;
  const { sold } = of(before.statement, item.sku);
  return { sku: item.sku, start, before: { orders, ids, expired, confirmed, sold } };
}

/** Whether the books are complete: they balance, nothing is under way, and the edges show the same. */
function settled({ statement, orders }) {
  const { audit, items, money } = statement;
  const counted = items.reduce((sum, item) => sum + item.orders, 0);
  const pages = edges.map((edge) => page(edge));
  return (
    audit?.current === true &&
    audit.balanced === true &&
    counted === orders &&
    items.every((item) => item.held === 0) &&
    money.every(({ pending }) => pending.amountMinor === 0) &&
    items.every(({ sku, free }) => pages.every((shown) => shown?.items.find((one) => one.sku === sku)?.free === free))
  );
}

/**
 * Teardown: waits until the books are complete and compares them with what was told. `demand` is how many units were wanted
 * by customers who may have them.
 */
export function checked({ sku, before }, { demand }) {
  let books;
  const complete = eventually(() => {
    books = read();
    return books && settled(books) ? true : undefined;
  });
  if (!books) throw new Error("the statement cannot be read any more");
  measures.booksSettled.add(complete === true);
  const { items, money } = books.statement;
  const sum = (of) => items.reduce((total, item) => total + of(item), 0);
  const stock = sum((item) => item.quantity - item.withheld + item.shortfall);
  measures.oversold.add(items.reduce((over, item) => over + Math.max(0, item.sold + item.held - item.supply), 0));
  const bought = of(books.statement, sku);
  // What was added meanwhile was there to be sold as well.
  const there = bought.free + bought.held + bought.sold - before.sold;
  measures.unsold.add(Math.max(0, Math.min(there, demand) - (bought.sold - before.sold)));
  measures.unitsOff.add(Math.abs(sum((item) => item.free + item.held + item.sold) - stock));
  measures.unitsOff.add(Math.abs(sum((item) => item.sold) - books.sold));
  measures.stockOff.add(unitsSaid === undefined ? 0 : Math.abs(sum((item) => item.quantity) - unitsSaid));
  measures.moneyOff.add(Math.abs(books.money - sum((item) => item.sold * (item.price?.amountMinor ?? 0))));
  for (const { revenue, pending, refundsDue } of money) {
    measures.moneyOff.add(Math.abs(revenue.amountMinor - books.money) + pending.amountMinor + refundsDue.amountMinor);
  }
  const limits = eventually(() => page(edges[0]));
  if (!limits) throw new Error("the sale cannot be seen any more");
  const most = new Map(limits.items.map((item) => [item.sku, item.perCustomer]));
  const over = Object.entries(books.units).filter(([who, units]) => units > most.get(who.slice(who.indexOf(" ") + 1)));
  measures.overLimit.add(over.length);
  measures.ordersUnmatched.add(before.orders - books.orders);
  measures.idsUnmatched.add(before.ids - books.ids);
  measures.holdsUnmatched.add(before.expired - books.expired);
  measures.paymentsUnmatched.add(before.confirmed - books.confirmed);
}
