import { nameOf, type ProblemName } from "@/api/problem";
import type { Problem } from "@/api/schema";

/**
 * What a refusal means for a wish that was sent.
 *
 * - `no`: the rule that refused has the last word, and nothing was taken.
 * - `busy`: this attempt took nothing; the same wish is sent again by itself.
 * - `unsure`: what was under way may still happen; the same wish is sent again by itself.
 * - `limited`: too many requests; the same wish is sent again once that is allowed.
 * - `nobody`: whoever wished is not signed in any more; the wish waits for them.
 */
export type Meaning = "no" | "busy" | "unsure" | "limited" | "nobody";

/** A refusal of a rule may still say that the same again can help: then nothing is settled yet. */
const asItSays = ({ retry }: Problem): Meaning => (retry === "now" ? "unsure" : "no");

const MEANINGS: Record<ProblemName, Meaning | ((problem: Problem) => Meaning)> = {
  "account-exists": "no",
  "all-units-held": "no",
  "already-paid": "no",
  busy: "busy",
  "fewer-left": "no",
  forbidden: "no",
  "hold-expired": "no",
  "idempotency-key-required": "no",
  "idempotency-key-reused": "no",
  "insufficient-funds": "no",
  internal: "unsure",
  // A body that arrived too slowly may arrive in time the next time.
  "invalid-request": asItSays,
  "limit-reached": "no",
  "method-not-allowed": "no",
  "not-found": asItSays,
  "not-open-yet": "no",
  "not-signed-in": "nobody",
  "order-released": "no",
  "payment-declined": "no",
  "rate-limited": "limited",
  "sale-closed": "no",
  "sale-paused": "no",
  "sold-out": "no",
  "timed-out": "unsure",
};

/** What a refusal means; one that a newer edge made up means what it says of itself. */
export function meaningOf(problem: Problem): Meaning {
  const meaning = MEANINGS[nameOf(problem)] ?? asItSays;
  return typeof meaning === "function" ? meaning(problem) : meaning;
}

/** When the shop itself says that looking again may help, in milliseconds from now; `undefined` when it does not. */
export function lookAgainAfterMs(problem: Problem): number | undefined {
  return problem.retry === "later" && "retryAfterSeconds" in problem ? problem.retryAfterSeconds * 1_000 : undefined;
}
