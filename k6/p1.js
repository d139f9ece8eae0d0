// The second predecessor's own load: 100 users send 4,000 requests for 50 units, each as soon as the last one was answered.

import exec from "k6/execution";
import { checked } from "./lib/books.js";
import { promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count } from "./lib/run.js";
import { buy } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const USERS = count(100);
const REQUESTS = count(4000);
const UNITS = count(50);

const PROMISES = promises(
  within("Ninety-nine of a hundred answers came within a second.", "answer_ms", "p(99)", 1000),
  promise("Who has a unit and asks again is told that one is the limit.", "answers_limit_reached", "count>0"),
);

const users = { executor: "shared-iterations", vus: USERS, iterations: REQUESTS, maxDuration: "120s" };

export const options = told({ users }, PROMISES, { shoppers: USERS, units: UNITS });

export default function ({ sku }) {
  buy(exec.vu.idInTest - 1, { sku });
}

export function teardown(data) {
  checked(data, { demand: USERS });
}

export const handleSummary = report("p1", PROMISES, [
  { says: "units sold beyond the 50", metric: "oversold_units", of: "count", published: "31" },
]);
