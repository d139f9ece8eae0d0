// A storm of holds that end: everything is taken and not paid, comes back by itself, and the next ones buy and pay.

import { sleep } from "k6";
import { steady, steadyDue } from "./lib/arrivals.js";
import { checked } from "./lib/books.js";
import { holdsUnmatched, paymentsUnmatched, releaseLateMs } from "./lib/measures.js";
import { OPEN, promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count, room, seconds } from "./lib/run.js";
import { paidWithin, saleOf } from "./lib/sale.js";
import { buy, look, number, pay } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const UNITS = count(300);
const SECONDS = seconds(3, 1);
/** Those who take, all within the life of the first hold; and half as many again who pay. */
const TAKERS = Math.ceil(UNITS / SECONDS);
const PAYERS = Math.ceil((1.5 * UNITS) / SECONDS);
/** Long enough that who pays finds all of it held first, and is in time to pay then. */
const HOLD_SECONDS = room(6, 12);
/** Between two looks at an order whose time is up, in seconds. */
const LOOK_AGAIN = 0.1;
/** Longest that one looks, in seconds: far beyond any delay that is not a fault. */
const RELEASED_WITHIN = 30;

const PROMISES = promises(
  within(
    "A unit that was not paid is back on sale within two seconds of its deadline.",
    "release_late_ms",
    "p(99)",
    2000,
  ),
  promise("Every hold that was left alone ended, and none that was paid.", "holds_unmatched", "count==0"),
  promise("The books call as many orders sold as were paid.", "payments_unmatched", "count==0"),
  promise("Who came meanwhile was told that all units are held, and stayed.", "answers_all_units_held", "count>0"),
  within(
    "Of the payments that then come all at once, ninety-five of a hundred were known within three seconds.",
    "paid_ms",
    "p(95)",
    3000,
  ),
  ...OPEN,
);

// Everybody here waits for something and keeps a virtual user busy meanwhile, so each has one.
const waiting = (people) => ({ preAllocatedVUs: people + 5, maxVUs: people + 50 });
const takers = { ...steady(TAKERS, SECONDS, waiting(TAKERS * SECONDS)), exec: "take" };
const payers = {
  ...steady(PAYERS, SECONDS, waiting(PAYERS * SECONDS)),
  exec: "buyAndPay",
  startTime: `${SECONDS + 1}s`,
};

export const options = told({ takers, payers }, PROMISES, {
  shoppers: (TAKERS + PAYERS) * SECONDS + 2,
  wallets: true,
  units: UNITS,
  sale: saleOf(UNITS, paidWithin(HOLD_SECONDS)),
});

export function take({ sku }) {
  const { customer, order } = buy(number(), { sku, due: steadyDue(TAKERS) });
  if (!order) return;
  holdsUnmatched.add(1);
  const deadline = Date.parse(order.expiresAt);
  sleep(Math.max(0, deadline - Date.now()) / 1000);
  for (const until = deadline + RELEASED_WITHIN * 1000; Date.now() < until; sleep(LOOK_AGAIN)) {
    if (look(customer, order)?.state === "released") break;
  }
  releaseLateMs.add(Math.max(0, Date.now() - deadline));
}

export function buyAndPay({ sku }) {
  const wish = { sku, due: steadyDue(PAYERS), waits: ["all-units-held"], patience: 60 };
  const { customer, order } = buy(TAKERS * SECONDS + 1 + number(), wish);
  if (order) paymentsUnmatched.add(pay(customer, order) === "paid" ? 1 : 0);
}

export function teardown(data) {
  checked(data, { demand: PAYERS * SECONDS });
}

export const handleSummary = report("holds", PROMISES);
