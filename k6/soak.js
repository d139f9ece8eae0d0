// A long, quiet load: whether anything gets slower with time. It takes ten minutes, or as long as --duration says.

import exec from "k6/execution";
import { steady, steadyDue } from "./lib/arrivals.js";
import { checked } from "./lib/books.js";
import { drift } from "./lib/measures.js";
import { OPEN, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { seconds } from "./lib/run.js";
import { buy, number } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const RATE = 20;
const SECONDS = Number(__ENV.DURATION) || seconds(600, 5);
const SHOPPERS = RATE * SECONDS;

/** Few enough that each serves customers early and late, so that it can compare. */
const GENERATORS = { preAllocatedVUs: 6 * RATE, maxVUs: 6 * RATE };

const PROMISES = promises(
  within("Answers late in the run took no more than twice as long as early ones.", "drift", "med", 2),
  within("Ninety-nine of a hundred answers came within a second.", "answer_ms", "p(99)", 1000),
  ...OPEN,
);

export const options = told({ shoppers: steady(RATE, SECONDS, GENERATORS) }, PROMISES, {
  shoppers: SHOPPERS + 1,
  units: SHOPPERS,
});

/** What this virtual user's customers waited in the first third of the run: how many, and how long together. */
const early = { customers: 0, milliseconds: 0 };

export default function ({ sku }) {
  const due = steadyDue(RATE);
  buy(number(), { sku, due });
  const waited = Date.now() - due;
  const part = (due - exec.scenario.startTime) / 1000 / SECONDS;
  if (part < 1 / 3) {
    early.customers += 1;
    early.milliseconds += waited;
  } else if (part > 2 / 3 && early.customers > 0) {
    drift.add((waited + 1) / (early.milliseconds / early.customers + 1));
  }
}

export function teardown(data) {
  checked(data, { demand: SHOPPERS });
}

export const handleSummary = report("soak", PROMISES);
