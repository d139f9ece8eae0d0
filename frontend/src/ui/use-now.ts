import { useSyncExternalStore } from "react";
import { everySecond, secondNow } from "./every-second";

/** The server's time in milliseconds, to the second; whoever asks is drawn again every second. */
export function useNow(): number {
  return useSyncExternalStore(everySecond, secondNow);
}

/** What somebody reads off the server's time; they are drawn again only when that changes. */
export function useReadOff<Reading extends number | boolean>(read: (now: number) => Reading): Reading {
  return useSyncExternalStore(everySecond, () => read(secondNow()));
}
