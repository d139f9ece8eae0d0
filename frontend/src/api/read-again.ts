/** How what could not be read is read again without anybody pressing anything, and what is told of it meanwhile. */
import type { QueryState } from "@tanstack/react-query";
import { useRef } from "react";
import { Refused, waitMsOf } from "./problem";
import { pauseMs } from "./queries";

/** Where this page stands in a crowd, from 0 to 1. Drawn once: a pause that changes while it lasts begins anew. */
const STAND = Math.random();

/** By how much of itself a pause that was told is made longer at most, so that a crowd does not come back in step. */
const SPREAD = 0.25;

/** How often a page polls, in milliseconds: each its own, so that a crowd does not ask in step. */
export function pollEveryMs(random: () => number = Math.random): number {
  return 2_000 + 3_000 * random();
}

/** When a read that failed is done again; `false` when it did not, or when that cannot help. */
export function readAgainMs(
  { error, errorUpdateCount }: Pick<QueryState<unknown>, "error" | "errorUpdateCount">,
  stand = STAND,
): number | false {
  if (error === null || (error instanceof Refused && error.problem.retry === "never")) return false;
  return Math.max(
    pauseMs(errorUpdateCount + 1, () => stand),
    waitMsOf(error) * (1 + SPREAD * stand),
  );
}

/**
 * Why something is not known; while it is read again, why it was not the last time: what says so does not come and go with
 * each try.
 */
export function useLastError({ data, error }: { data: unknown; error: Error | null }): Error | null {
  const last = useRef<Error>(null);
  if (error !== null || data !== undefined) last.current = error;
  return last.current;
}
