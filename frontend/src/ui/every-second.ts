import { serverClock } from "@/api/clock";

/**
 * One timer for everything on the page that moves with time, so that all of it is drawn at once: at each full second of the
 * server, so that every page turns at the same moment. None runs while nobody listens, or nobody looks.
 */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
let second = 0;

function tick() {
  clearTimeout(timer);
  const now = serverClock.now();
  second = Math.floor(now / 1_000);
  for (const listener of [...listeners]) listener();
  if (listeners.size > 0 && !isUnseen()) timer = setTimeout(tick, 1_000 - (((now % 1_000) + 1_000) % 1_000) + 1);
}

/** Whoever comes back sees at once what has moved. */
function look() {
  if (!isUnseen()) tick();
}

function isUnseen(): boolean {
  return document.visibilityState === "hidden";
}

/** Calls `listener` at once if it is the first, and each second from then on; what is returned ends that. */
export function everySecond(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    document.addEventListener("visibilitychange", look);
    tick();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    // Whoever comes next must not see when the last one left.
    second = 0;
  };
}

/** The server's time in milliseconds, to the second at which everything was drawn. */
export function secondNow(): number {
  return (second || Math.floor(serverClock.now() / 1_000)) * 1_000;
}
