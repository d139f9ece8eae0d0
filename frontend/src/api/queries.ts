import { notifyManager, QueryClient } from "@tanstack/react-query";
import { Unreachable } from "./problem";

/** How often a read is tried again when no answer came; a refusal is an answer. */
const READ_RETRIES = 3;
/** Longest pause between two tries, in milliseconds. */
const RETRY_PAUSE_MS_MAX = 8_000;

/** How long to wait before try `attempt` (from 0): doubling, and spread so that a crowd does not come back in step. */
export function pauseMs(attempt: number, random: () => number = Math.random): number {
  const most = Math.min(RETRY_PAUSE_MS_MAX, 500 * 2 ** attempt);
  return most / 2 + (most / 2) * random();
}

// Readers are told in the same turn, so that what moves together is drawn together.
notifyManager.setScheduler(queueMicrotask);

/** What this page has read, and how it reads again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      retry: (failures, error) => error instanceof Unreachable && failures < READ_RETRIES,
      retryDelay: (attempt) => pauseMs(attempt),
    },
    // What moves something is tried again by whoever knows its key, never behind their back.
    mutations: { retry: false },
  },
});
