// The first predecessor's own load: 1,000 shoppers a second for four seconds want 100 units.

import { steady, steadyDue } from "./lib/arrivals.js";
import { checked } from "./lib/books.js";
import { OPEN, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count } from "./lib/run.js";
import { buy, number } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const RATE = count(1000);
const SECONDS = 4;
const UNITS = count(100);

const PROMISES = promises(
  within("Nineteen of twenty answers came sooner than the predecessor's.", "answer_ms", "p(95)", 186.8),
  within("And ninety-nine of a hundred.", "answer_ms", "p(99)", 223.7),
  ...OPEN,
);

export const options = told({ shoppers: steady(RATE, SECONDS) }, PROMISES, {
  shoppers: RATE * SECONDS + 1,
  units: UNITS,
});

export default function ({ sku }) {
  buy(number(), { sku, due: steadyDue(RATE) });
}

export function teardown(data) {
  checked(data, { demand: RATE * SECONDS });
}

export const handleSummary = report("p0", PROMISES, [
  { says: "p95, ms", metric: "answer_ms", of: "p(95)", published: "186.8" },
  { says: "p99, ms", metric: "answer_ms", of: "p(99)", published: "223.7" },
]);
