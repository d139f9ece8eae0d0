// Who comes first, and only that, decides: two edges, customers in turn at both, and some who ask five times at once.

import { Counter, Rate, Trend } from "k6/metrics";
import { steady, steadyDue } from "./lib/arrivals.js";
import { checked } from "./lib/books.js";
import { OPEN, promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count, room } from "./lib/run.js";
import { buy, number, together } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

const RATE = count(100);
const SECONDS = 10;
const UNITS = Math.floor((RATE * SECONDS) / 2);
/** Who comes so many seconds before the last unit is taken, or after it, for whom being served a moment late decides nothing. */
const CLEAR = room(1, 3);
const EARLY = Math.floor(UNITS - CLEAR * RATE);
const LATE = Math.ceil(UNITS + CLEAR * RATE);
/** By how much a part may differ from a half: a tenth, or two orders where those are more. */
const OFF = Math.max(0.1, 2 / UNITS);
/** Every so manyth customer is greedy. */
const GREEDY = 7;
const GREEDY_WISHES = 5;

const earlyWithout = new Counter("early_without");
const lateWith = new Counter("late_with");
const evenOrders = new Rate("orders_of_even_customers");
const greedyOrders = new Trend("orders_of_a_greedy_customer");

const PROMISES = promises(
  promise("Who came well before the last unit was taken got one.", "early_without", "count==0"),
  promise("Nobody who came well after got one.", "late_with", "count==0"),
  promise("Those who came to one edge got their half.", "orders_of_even_customers", `rate>${0.5 - OFF}`),
  promise("And no more than that.", "orders_of_even_customers", `rate<${0.5 + OFF}`),
  promise("Who asked five times at once got one, as everybody.", "orders_of_a_greedy_customer", "max==1"),
  within("Ninety-nine of a hundred answers came within a second.", "answer_ms", "p(99)", 1000),
  ...OPEN,
);

export const options = told({ customers: steady(RATE, SECONDS) }, PROMISES, {
  shoppers: RATE * SECONDS + 1,
  units: UNITS,
});

export default function ({ sku }) {
  const customer = number();
  const wish = { sku, due: steadyDue(RATE) };
  const greedy = customer % GREEDY === 0;
  const ends = greedy ? together(Array(GREEDY_WISHES).fill(customer), wish) : [buy(customer, wish)];
  const orders = ends.filter((end) => end.order).length;
  if (customer < EARLY) earlyWithout.add(orders > 0 ? 0 : 1);
  if (customer >= LATE) lateWith.add(orders);
  if (orders === 0) return;
  if (greedy) greedyOrders.add(orders);
  else evenOrders.add(customer % 2 === 0);
}

export function teardown(data) {
  checked(data, { demand: RATE * SECONDS });
}

export const handleSummary = report("fairness", PROMISES);
