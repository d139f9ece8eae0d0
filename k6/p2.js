// The third predecessor's own load: 1,000 and then 5,000 users at once, and a limit of ten requests a minute for each.

import { sleep } from "k6";
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { checked } from "./lib/books.js";
import { promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count } from "./lib/run.js";
import { saleOf } from "./lib/sale.js";
import { buy, together } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const FEW = count(1000);
const MANY = count(5000);
/** Users that one virtual user stands for: their requests are in flight at the same time. */
const TOGETHER = 50;
const UNITS = count(600);
/** Users who do not stop asking. */
const HASTY = count(20);
const ASKS = 15;
const LIMIT = { requests: 10, windowSeconds: 60 };
/** Seconds until the next ones begin: a user keeps asking for half a minute at most. */
const FEW_WITHIN = 30;

const tooMany = new Counter("asks_beyond_the_limit");

const PROMISES = promises(
  within("Half of the users knew within five seconds of coming all at once.", "settled_ms", "med", 5000),
  within("Everybody knew within twenty seconds.", "settled_ms", "max", 20000),
  promise("Nobody was let through more often than ten times at once.", "asks_beyond_the_limit", "count==0"),
  promise("Whoever asked more often was told so.", "answers_rate_limited", `count>=${HASTY}`),
);

/** Each virtual user stands for as many users as fit, once. */
function atOnce(users, startTime, exec) {
  const vus = Math.ceil(users / TOGETHER);
  return { executor: "per-vu-iterations", vus, iterations: 1, startTime: `${startTime}s`, maxDuration: "60s", exec };
}

const hasty = { executor: "per-vu-iterations", vus: HASTY, iterations: 1, maxDuration: "60s", exec: "ask" };

export const options = told(
  { few: atOnce(FEW, 0, "few"), hasty, many: atOnce(MANY, FEW >= 1000 ? FEW_WITHIN : 5, "many") },
  PROMISES,
  { shoppers: FEW + MANY + HASTY, units: UNITS, sale: saleOf(UNITS, { rateLimit: LIMIT }) },
);

function come(first, users, sku) {
  const from = exec.scenario.iterationInTest * TOGETHER;
  const size = Math.min(TOGETHER, users - from);
  const customers = Array.from({ length: size }, (_, at) => first + from + at);
  together(customers, { sku, due: exec.scenario.startTime });
}

export function few({ sku }) {
  come(0, FEW, sku);
}

export function many({ sku }) {
  come(FEW, MANY, sku);
}

/** Asks again and again, each time anew and at the next edge; what is let through is what the limit allows, however long it takes. */
export function ask({ sku }) {
  const begun = Date.now();
  let letThrough = 0;
  for (let asked = 0; asked < ASKS; asked++) {
    // Whoever is refused by the limit moves on at once instead of waiting for the next minute.
    if (buy(FEW + MANY + exec.scenario.iterationInTest, { sku, from: asked }).refusal !== "rate-limited")
      letThrough += 1;
    sleep(0.05);
  }
  const minutes = (Date.now() - begun) / 1000 / LIMIT.windowSeconds;
  tooMany.add(Math.max(0, letThrough - LIMIT.requests - Math.ceil(minutes * LIMIT.requests)));
}

export function teardown(data) {
  checked(data, { demand: FEW + MANY });
}

export const handleSummary = report("p2", PROMISES);
