// What is counted. Whatever is promised to be zero is counted in any case, so that a promise which was never looked at is
// told from one that was kept.

import { Counter, Rate, Trend } from "k6/metrics";

/** From when an attempt was meant to be sent until it was answered. */
export const answerMs = new Trend("answer_ms", true);
/** From when a shopper was meant to come until they knew how it ended. */
export const settledMs = new Trend("settled_ms", true);
/** From when a payment was sent until it was known. */
export const paidMs = new Trend("paid_ms", true);
/** From the deadline of a hold until its order was seen released. */
export const releaseLateMs = new Trend("release_late_ms", true);
/** How long an answer takes late in a run, by how long it took the same virtual user early in it. */
export const drift = new Trend("drift");

/** Shoppers that gave up without the truth. */
export const gaveUp = new Counter("gave_up");
/** Answers that the API does not have: nameless ones, and errors of the server. */
export const unexpected = new Counter("answers_unexpected");
/** Orders that shoppers were told of, minus those in the books. */
export const ordersUnmatched = new Counter("orders_unmatched");
/** The sum of a part of their ids, minus the same of those in the books: zero if they are the same orders. */
export const idsUnmatched = new Counter("ids_unmatched");
/** Payments that shoppers were told of, minus orders that the books call sold. */
export const paymentsUnmatched = new Counter("payments_unmatched");
/** Holds that were left to end, minus those that the books call expired. */
export const holdsUnmatched = new Counter("holds_unmatched");

/** Units that are sold or held beyond what there is. */
export const oversold = new Counter("oversold_units");
/** Units that are left although somebody wanted them. */
export const unsold = new Counter("unsold_units");
/** By how much free, held and sold miss what was put on sale. */
export const unitsOff = new Counter("units_off");
/** By how many units the stock differs from what the sale was said to have. */
export const stockOff = new Counter("stock_off");
/** By how much the money in the books misses units times price, in the smallest coin. */
export const moneyOff = new Counter("money_off_minor");
/** Customers with more units than the sale allows. */
export const overLimit = new Counter("customers_over_limit");
/** Whether the books were complete and balanced when they were read. */
export const booksSettled = new Rate("books_settled");

/** How often each answer was given; `other` is what the API does not have. */
const NAMES = [
  "created",
  "accepted",
  "paid",
  "no-connection",
  "busy",
  "timed-out",
  "rate-limited",
  "not-open-yet",
  "sold-out",
  "all-units-held",
  "fewer-left",
  "limit-reached",
  "sale-paused",
  "sale-closed",
  "insufficient-funds",
  "hold-expired",
  "forbidden",
  "not-signed-in",
  "not-found",
  "other",
];
export const answers = Object.fromEntries(
  NAMES.map((name) => [name, new Counter(`answers_${name.replaceAll("-", "_")}`)]),
);
