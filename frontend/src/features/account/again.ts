import { Refused, Unreachable } from "@/api/problem";

/** How often something that the ledger could not tell is asked for again, in milliseconds. */
const AGAIN_AFTER_MS = 10_000;

/**
 * After how long what could not be read is read again without anybody pressing anything; `false` when that cannot help.
 * Nobody waits for it: what is bought does not depend on it.
 */
export function againAfterMs(error: unknown): number | false {
  if (error === undefined || error instanceof Unreachable) return AGAIN_AFTER_MS;
  if (!(error instanceof Refused) || error.problem.retry === "never") return false;
  const told = "retryAfterSeconds" in error.problem ? error.problem.retryAfterSeconds * 1_000 : 0;
  return Math.max(AGAIN_AFTER_MS, told);
}
