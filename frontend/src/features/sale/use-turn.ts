import { useCallback, useEffect, useSyncExternalStore } from "react";
import { serverClock } from "@/api/clock";

/** Longest sleep, in milliseconds: the server's clock is known better as time goes on, and a computer may fall asleep. */
const SLEEP_MS_MAX = 30_000;

/** Whether an instant of the server, in milliseconds, has come; nothing is drawn again before. */
export function useDue(at: number | undefined): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const wait = () => {
        const left = (at ?? Number.POSITIVE_INFINITY) - serverClock.now();
        if (left <= 0) listener();
        else if (left < Number.POSITIVE_INFINITY) timer = setTimeout(wait, Math.min(left + 1, SLEEP_MS_MAX));
      };
      wait();
      return () => clearTimeout(timer);
    },
    [at],
  );
  return useSyncExternalStore(subscribe, () => at !== undefined && serverClock.now() >= at);
}

/** Asks the server, unless an answer is on its way. */
type Ask = (options: { cancelRefetch: false }) => unknown;

/**
 * Asks the server once an instant has come, and again until it has turned: a countdown that is over opens nothing.
 *
 * Everybody's is over in the same instant, so they ask spread over a second. Whoever is told by a stream waits for that
 * first, and asks only when nothing comes.
 */
export function useTurn(at: number | undefined, ask: Ask, told: boolean): void {
  const due = useDue(at);
  useEffect(() => {
    if (!due) return;
    let timer = setTimeout(function again() {
      // An answer that takes long is waited for.
      void ask({ cancelRefetch: false });
      timer = setTimeout(again, 2_000 + 2_000 * Math.random());
    }, askAfterMs(told));
    return () => clearTimeout(timer);
  }, [due, ask, told]);
}

function askAfterMs(told: boolean): number {
  return (told ? 1_500 : 150) + 1_000 * Math.random();
}
