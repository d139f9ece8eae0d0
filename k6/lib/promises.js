// What a load promises: each threshold of k6 as a sentence.
//
// What must always hold: a promise that nothing was measured for is not kept. k6 takes a threshold without a sample for one
// that holds, so the report tells them apart, and `demo load` fails for both.

import { LIMITS } from "./books.js";
import { time } from "./run.js";
import { saleOf } from "./sale.js";

/** A sentence, the metric that it is about, and the condition that makes it true. */
export function promise(says, metric, must) {
  return { says, metric, must };
}

/** The same of a time, which a machine that is said to be slow may take longer for. */
export function within(says, metric, quantile, most) {
  return promise(says, metric, `${quantile}<${time(most)}`);
}

/** What must be true of the books whatever the load was. */
const BOOKS = [
  promise("Both sides of the books were complete and balanced when they were read.", "books_settled", "rate==1"),
  promise("The sale had the stock that it was said to have.", "stock_off", "count==0"),
  promise("No unit was sold twice: sold and held units were never more than there are.", "oversold_units", "count==0"),
  promise("Everything was sold that was there and wanted.", "unsold_units", "count==0"),
  promise("Free, held and sold units together are what was put on sale.", "units_off", "count==0"),
  promise("The money in the books is units times price, to the cent.", "money_off_minor", "count==0"),
  promise("Nobody has more units than one customer may have.", "customers_over_limit", "count==0"),
  promise("The books have as many orders as shoppers were told of.", "orders_unmatched", "count==0"),
  promise("And they are the same orders, by their ids.", "ids_unmatched", "count==0"),
];

/** What must be true of the answers. */
const ANSWERS = [
  promise("Everybody learned the truth: nobody gave up.", "gave_up", "count==0"),
  promise("Every answer was one that the API has.", "answers_unexpected", "count==0"),
];

/** That the generator kept up, where people come whether or not earlier ones were answered. */
export const OPEN = [promise("Everybody came who was meant to come.", "dropped_iterations", "count==0")];

/** All promises of a load: its own, those about answers, and those about the books. */
export function promises(...own) {
  return [...own, ...ANSWERS, ...BOOKS];
}

/**
 * What k6 is told: who comes when, the promises as thresholds, and for `demo load` what the load is made for: one item, and one
 * unit to each customer, unless it says otherwise.
 */
export function options(scenarios, kept, load) {
  const thresholds = {};
  for (const { metric, must } of kept) thresholds[metric] = [...(thresholds[metric] ?? []), must];
  return {
    ...LIMITS,
    scenarios,
    thresholds,
    // Every tag costs the generator a part of the time that the system needs on the same machine.
    systemTags: ["scenario", "name"],
    batch: 50,
    batchPerHost: 0,
    summaryTrendStats: ["min", "med", "p(90)", "p(95)", "p(99)", "max"],
    ext: { sluice: { sale: saleOf(load.units), ...load } },
  };
}
