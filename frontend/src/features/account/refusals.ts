import { nameOf, type ProblemName, Refused } from "@/api/problem";

/** What a no means to somebody who wants to sign in; each is a text of the catalogue. */
export type Meaning = "wrong" | "exists" | "often" | "away" | "forbidden" | "invalid" | "unexpected";

/** Every refusal that there is, most of which nobody who signs in can meet. */
const MEANINGS: Record<ProblemName, Meaning> = {
  "not-signed-in": "wrong",
  "account-exists": "exists",
  "rate-limited": "often",
  busy: "away",
  "timed-out": "away",
  internal: "away",
  forbidden: "forbidden",
  "invalid-request": "invalid",
  "all-units-held": "unexpected",
  "already-paid": "unexpected",
  "fewer-left": "unexpected",
  "hold-expired": "unexpected",
  "idempotency-key-required": "unexpected",
  "idempotency-key-reused": "unexpected",
  "insufficient-funds": "unexpected",
  "limit-reached": "unexpected",
  "method-not-allowed": "unexpected",
  "not-found": "unexpected",
  "not-open-yet": "unexpected",
  "order-released": "unexpected",
  "payment-declined": "unexpected",
  "sale-closed": "unexpected",
  "sale-paused": "unexpected",
  "sold-out": "unexpected",
};

/** What went wrong, to somebody who has just tried. No answer at all is like a shop that is away. */
export function meaningOf(error: unknown): Meaning {
  return error instanceof Refused ? MEANINGS[nameOf(error.problem)] : "away";
}

/** Why somebody was sent here; a text of the catalogue each. */
export type Arrival = "signInFirst" | "often" | "away" | "forbidden" | "notHere" | "unexpected";

const ARRIVALS: Partial<Record<ProblemName, Arrival>> = {
  "not-signed-in": "signInFirst",
  "rate-limited": "often",
  busy: "away",
  "timed-out": "away",
  internal: "away",
  forbidden: "forbidden",
  "not-found": "notHere",
};

/** What the name of a refusal in an address says; anybody can write anything there, so it is never shown itself. */
export function arrivalOf(problem: string | undefined): Arrival | undefined {
  if (problem === undefined) return undefined;
  return (Object.hasOwn(ARRIVALS, problem) && ARRIVALS[problem as ProblemName]) || "unexpected";
}
