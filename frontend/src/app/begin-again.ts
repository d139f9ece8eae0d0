/**
 * What becomes of a page that could not start, as a script or the words of it did not arrive: the network was gone for a moment,
 * or a newer version has taken the place of its files. There is nobody to draw anything yet, so it is begun anew by itself,
 * later each time.
 */

/** How often it was begun in vain, in this tab. */
const IN_VAIN = "sluice.begun-in-vain";
/** What is taken for that where the browser stores nothing: enough that nobody reloads every second. */
const UNCOUNTED = 4;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Loads the page again after a pause, and not before there is a network. */
export function beginAgain(): void {
  const times = timesInVain() + 1;
  remember(String(times));
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (times - 1));
  setTimeout(loadAnew, longest * (0.5 + Math.random() / 2));
}

/** It is there: the next time counts from the beginning. */
export function started(): void {
  if (timesInVain() > 0) remember("0");
}

/** Loads the page again once there is a network: without one, a browser would put a page of its own in the place of ours. */
export function loadAnew(): void {
  if (navigator.onLine) location.reload();
  else addEventListener("online", () => location.reload(), { once: true });
}

function timesInVain(): number {
  try {
    return Number(sessionStorage.getItem(IN_VAIN) ?? 0);
  } catch {
    return UNCOUNTED;
  }
}

function remember(times: string): void {
  try {
    sessionStorage.setItem(IN_VAIN, times);
  } catch {
    // Nothing is stored then.
  }
}
