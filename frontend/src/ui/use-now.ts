import { useSyncExternalStore } from "react";
import { serverClock } from "@/api/clock";

/** One timer for the whole page, however many count down, and none while nobody does. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
let second = 0;

function tick() {
  const now = serverClock.now();
  second = Math.floor(now / 1_000);
  for (const listener of listeners) listener();
  // At the next full second of the server, so that every page turns at the same moment.
  timer = setTimeout(tick, 1_000 - (((now % 1_000) + 1_000) % 1_000) + 1);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  if (timer === undefined) tick();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearTimeout(timer);
      timer = undefined;
      // Whoever comes next must not see when the last one left.
      second = 0;
    }
  };
}

/** The server's time in milliseconds, to the second; whoever asks is drawn again every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => second || Math.floor(serverClock.now() / 1_000)) * 1_000;
}
