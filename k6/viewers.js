// A thousand who only look on, each with an event stream open, while others buy the sale out.

import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import { watch } from "k6/x/sse";
import { steady, steadyDue } from "./lib/arrivals.js";
import { checked, page } from "./lib/books.js";
import { OPEN, promise, promises, options as told, within } from "./lib/promises.js";
import { report } from "./lib/report.js";
import { count, edges, sale, seconds } from "./lib/run.js";
import { buy, number } from "./lib/shopper.js";

export { opened as setup } from "./lib/books.js";

/** Streams of one virtual user, and how many such there are. */
const STREAMS = count(250);
const STANDS = 4;
const RATE = count(50);
/** Buyers come after the streams are open, and go before they are closed: as long after the last unit in a short run, too. */
const OPENING = 3;
const SECONDS = seconds(20, 4);
const CLOSING = Math.max(3, 13 - Math.floor(SECONDS / 2));
const WATCHED = OPENING + SECONDS + CLOSING;
const UNITS = Math.floor((RATE * SECONDS) / 2);
/** What viewers are promised at most. */
const EVENTS_PER_SECOND = 2;
/** Events that were under way when it was begun to count, and when it was ended. */
const UNDER_WAY = 3;

const seen = new Counter("viewers");
const cuts = new Counter("viewer_cuts");
const wrong = new Counter("viewers_wrong");
const tooMany = new Counter("viewer_events_too_many");
const firstMs = new Trend("first_event_ms", true);

const PROMISES = promises(
  promise("Every viewer saw the sale.", "viewers", `count==${STREAMS * STANDS}`),
  promise("No stream was cut.", "viewer_cuts", "count==0"),
  promise("Every viewer ended on the right numbers.", "viewers_wrong", "count==0"),
  promise("Nobody was sent more than two events a second.", "viewer_events_too_many", "count==0"),
  within("Ninety-nine of a hundred viewers saw something within two seconds.", "first_event_ms", "p(99)", 2000),
  within("Beside them, ninety-nine of a hundred answers to buyers came within a second.", "answer_ms", "p(99)", 1000),
  ...OPEN,
);

const scenarios = {
  viewers: { executor: "per-vu-iterations", vus: STANDS, iterations: 1, maxDuration: `${WATCHED + 30}s`, exec: "view" },
  buyers: steady(RATE, SECONDS, { startTime: `${OPENING}s` }),
};

export const options = told(scenarios, PROMISES, {
  shoppers: RATE * SECONDS + 1,
  units: UNITS,
});

/** The free units of every item, as a page or an event shows them. */
function stock(shown) {
  return JSON.stringify(shown.items.map(({ sku, free }) => [sku, free]));
}

export function view() {
  // As many streams in all as a stand has, spread over the edges by turns that differ from stand to stand.
  const first = exec.scenario.iterationInTest;
  const addresses = Array.from({ length: STREAMS }, (_, at) => {
    return `${edges[(first + at) % edges.length]}/v1/sales/${sale}/events`;
  });
  const streams = watch(addresses, WATCHED);
  const truth = stock(page(edges[0]));
  for (const stream of streams) {
    seen.add(stream.events > 0 ? 1 : 0);
    cuts.add(stream.cuts);
    wrong.add(stream.last && stock(JSON.parse(stream.last)) === truth ? 0 : 1);
    tooMany.add(Math.max(0, stream.events - Math.ceil((EVENTS_PER_SECOND * stream.watchedMs) / 1000) - UNDER_WAY));
    firstMs.add(stream.firstMs);
  }
}

export default function ({ sku }) {
  buy(number(), { sku, due: steadyDue(RATE) });
}

export function teardown(data) {
  checked(data, { demand: RATE * SECONDS });
}

export const handleSummary = report("viewers", PROMISES);
