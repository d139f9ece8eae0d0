// A sale that is restocked three times while it sells, each time once nothing is left.

import { sleep } from "k6";
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { steady, steadyDue } from "./lib/arrivals.js";
import { checked, page, sold } from "./lib/books.js";
import { OPEN, promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count, edges, seconds } from "./lib/run.js";
import { buy, number } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const RATE = count(80);
const SECONDS = seconds(20, 4);
const UNITS = count(150);
const RESTOCKS = 3;
/** Who comes after the crowd, one by one, until nothing is left. */
const LATE = 4 * UNITS + 1;
/** Between two looks at the page, in seconds. */
const LOOK_AGAIN = 0.1;
/** How long it may take after the crowd until the last restock was seen and bought, in seconds. */
const LATE_WITHIN = 60;

const returned = new Counter("seen_back_in_stock");

const PROMISES = promises(
  within("Ninety-nine of a hundred answers came within a second.", "answer_ms", "p(99)", 1000),
  promise(
    "Each restock, made once nothing was left, was seen by who looked on.",
    "seen_back_in_stock",
    `count>=${RESTOCKS}`,
  ),
  ...OPEN,
);

const scenarios = {
  shoppers: steady(RATE, SECONDS),
  onlooker: {
    executor: "per-vu-iterations",
    vus: 1,
    iterations: 1,
    maxDuration: `${SECONDS + LATE_WITHIN}s`,
    exec: "look",
  },
};

export const options = told(scenarios, PROMISES, {
  shoppers: RATE * SECONDS + 1 + LATE,
  units: UNITS,
  restock: { units: UNITS, times: RESTOCKS },
});

export default function ({ sku }) {
  buy(number(), { sku, due: steadyDue(RATE) });
}

/** Looks at one edge's page, notes whenever the stock has grown, and buys what the crowd has left. */
export function look({ sku }) {
  const crowdUntil = exec.scenario.startTime + SECONDS * 1000;
  let [known, late] = [UNITS, 0];
  for (const until = crowdUntil + LATE_WITHIN * 1000; Date.now() < until; sleep(LOOK_AGAIN)) {
    const item = page(edges[0])?.items.find((one) => one.sku === sku);
    if (item && item.quantity > known) {
      returned.add((item.quantity - known) / UNITS);
      known = item.quantity;
    }
    if (Date.now() < crowdUntil) continue;
    late += boughtUntilRefused(RATE * SECONDS + 1 + late, LATE - late, sku);
    if (known === UNITS * (RESTOCKS + 1) && sold() === known) break;
  }
}

/** Sends one customer after another until one is refused; how many bought. Who is refused comes again as the next one. */
function boughtUntilRefused(first, most, sku) {
  for (let bought = 0; bought < most; bought++) {
    if (!buy(first + bought, { sku }).order) return bought;
  }
  return most;
}

export function teardown(data) {
  checked(data, { demand: RATE * SECONDS + LATE });
}

export const handleSummary = report("restock", PROMISES);
