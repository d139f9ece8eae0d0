// A drop: some come early, a crowd comes with the opening, and it thins out after the stock is gone.

import { ramp, rampDue, rampTotal } from "./lib/arrivals.js";
import { checked, opened } from "./lib/books.js";
import { OPEN, promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count, room, seconds } from "./lib/run.js";
import { buy, number } from "./lib/shopper.js";

const UNITS = count(1000);
/** Seconds before the opening in which the first come. */
const EARLY = room(5, 10);
/** Seconds from when all is ready until the sale opens: k6 is started meanwhile. */
const OPENS_IN = EARLY + room(12, 40);
const PEAK = count(500);
const QUIET = count(20);
const STAGES = [
  [QUIET, EARLY],
  [PEAK, 1],
  [PEAK, seconds(5, 2)],
  [QUIET, seconds(8, 1)],
];
const SHOPPERS = rampTotal(QUIET, STAGES);

const PROMISES = promises(
  within("Half of the answers came within a tenth of a second.", "answer_ms", "med", 100),
  within("Ninety-nine of a hundred answers came within a second.", "answer_ms", "p(99)", 1000),
  promise("Who came early was told that it is not open yet.", "answers_not_open_yet", "count>0"),
  ...OPEN,
);

export const options = told({ shoppers: ramp(QUIET, STAGES) }, PROMISES, {
  shoppers: SHOPPERS + 10,
  units: UNITS,
  opensInSeconds: OPENS_IN,
});

export function setup() {
  return opened({ early: EARLY });
}

export default function ({ sku }) {
  buy(number(), { sku, due: rampDue(QUIET, STAGES), waits: ["not-open-yet"] });
}

export function teardown(data) {
  checked(data, { demand: SHOPPERS });
}

export const handleSummary = report("drop", PROMISES);
