// The fifth predecessor's own load: 21,000 requests in four and a half minutes, 500 units at most, paid from 5,000 wallets.

import { steady, steadyDue } from "./lib/arrivals.js";
import { checked } from "./lib/books.js";
import { paymentsUnmatched } from "./lib/measures.js";
import { OPEN, promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count, seconds } from "./lib/run.js";
import { paidWithin, saleOf } from "./lib/sale.js";
import { buy, number, pay } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const RATE = count(78);
const SECONDS = seconds(270, 3);
const PEOPLE = count(5000);
const UNITS = count(500);

const PROMISES = promises(
  within("Nineteen of twenty answers came sooner than the predecessor's.", "answer_ms", "p(95)", 38),
  within("And ninety-nine of a hundred.", "answer_ms", "p(99)", 371),
  within("Ninety-five of a hundred payments were known within a second.", "paid_ms", "p(95)", 1000),
  promise("The books call as many orders sold as were paid.", "payments_unmatched", "count==0"),
  ...OPEN,
);

export const options = told({ people: steady(RATE, SECONDS) }, PROMISES, {
  shoppers: PEOPLE,
  wallets: true,
  units: UNITS,
  sale: saleOf(UNITS, paidWithin(60)),
});

export default function ({ sku }) {
  const { customer, order } = buy(number(), { sku, due: steadyDue(RATE) });
  if (order) paymentsUnmatched.add(pay(customer, order) === "paid" ? 1 : 0);
}

export function teardown(data) {
  checked(data, { demand: Math.min(PEOPLE, RATE * SECONDS) });
}

export const handleSummary = report("p4", PROMISES, [
  { says: "p95, ms", metric: "answer_ms", of: "p(95)", published: "38" },
  { says: "p99, ms", metric: "answer_ms", of: "p(99)", published: "371" },
]);
