import { nameOf, type ProblemName, Refused, Unreachable } from "@/api/problem";
import { Settling } from "./api/refund-order";

/** What a no means to a merchant; each is a text of the catalogue. */
export type Meaning = "away" | "often" | "signIn" | "forbidden" | "missing" | "unpaid" | "released" | "unexpected";

const MEANINGS: Record<ProblemName, Meaning> = {
  busy: "away",
  "timed-out": "away",
  internal: "away",
  "rate-limited": "often",
  "not-signed-in": "signIn",
  forbidden: "forbidden",
  "not-found": "missing",
  "invalid-request": "missing",
  "hold-expired": "unpaid",
  "order-released": "released",
  "account-exists": "unexpected",
  "all-units-held": "unexpected",
  "already-paid": "unexpected",
  "fewer-left": "unexpected",
  "idempotency-key-required": "unexpected",
  "idempotency-key-reused": "unexpected",
  "insufficient-funds": "unexpected",
  "limit-reached": "unexpected",
  "method-not-allowed": "unexpected",
  "not-open-yet": "unexpected",
  "payment-declined": "unexpected",
  "sale-closed": "unexpected",
  "sale-paused": "unexpected",
  "sold-out": "unexpected",
};

export function meaningOf(error: unknown): Meaning {
  return error instanceof Refused ? MEANINGS[nameOf(error.problem)] : "away";
}

/** Whether a refund may have happened or may still: then it is sent again with its key, and is not over. */
export function isOpen(error: unknown): boolean {
  if (error instanceof Settling || error instanceof Unreachable) return true;
  return error instanceof Refused && error.problem.retry !== "never";
}
