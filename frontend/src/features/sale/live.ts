/**
 * How a page stays up to date with a sale: decided here, done by `useLiveSale`.
 *
 * **What it is for.** One stream of events while somebody looks, and polling whenever that does not run. A browser comes
 * back to a stream that broke off by itself, but gives up for good when it is refused (no room, no such sale), and it
 * cannot know that a stream which is open has fallen silent.
 *
 * **What must always hold.** Somebody who looks is served by the stream or by polling, never by neither. Nobody who does
 * not look takes a viewer's place, or one of the six connections that a browser has.
 */

export type Live =
  /** The stream is being opened, or the browser comes back to it. */
  | { readonly is: "opening"; readonly failures: number }
  /** Events come. */
  | { readonly is: "open" }
  /** It was refused, or fell silent; it is opened again after a pause. */
  | { readonly is: "waiting"; readonly failures: number }
  /** Nobody looks. */
  | { readonly is: "hidden" };

export type Happening =
  /** An event came. */
  | "heard"
  /** It broke off; the browser comes back by itself. */
  | "broken"
  /** It was refused; the browser does not come back. */
  | "refused"
  /** Nothing came for longer than a heartbeat takes. */
  | "silent"
  /** The pause is over. */
  | "waited"
  /** The page has not been seen for a while. */
  | "hidden"
  /** The page is seen. */
  | "shown";

export const OPENING: Live = { is: "opening", failures: 0 };
const OPEN: Live = { is: "open" };
const HIDDEN: Live = { is: "hidden" };

const failuresOf = (live: Live) => ("failures" in live ? live.failures : 0);

/** What comes of it. The same state again where nothing changes, so that nothing is drawn again. */
export function step(live: Live, happening: Happening): Live {
  if (happening === "hidden") return HIDDEN;
  if (live.is === "hidden") return happening === "shown" ? OPENING : live;
  switch (happening) {
    case "heard":
      return live.is === "waiting" || live.is === "open" ? live : OPEN;
    case "broken":
      return live.is === "open" ? OPENING : live;
    case "refused":
    case "silent":
      return live.is === "waiting" ? live : { is: "waiting", failures: failuresOf(live) + 1 };
    case "waited":
      return live.is === "waiting" ? { is: "opening", failures: live.failures } : live;
    case "shown":
      return live;
  }
}

/** Whether there is a stream in this state; it stays the same one from `opening` to `open` and back. */
export function hasStream({ is }: Live): boolean {
  return is === "opening" || is === "open";
}

/** Whether the page asks by itself in this state. */
export function polls({ is }: Live): boolean {
  return is === "opening" || is === "waiting";
}

const PAUSE_MS_MAX = 60_000;

/** How long to wait before the stream is opened again, in milliseconds: doubling, and spread over half of it. */
export function pauseMs(failures: number, random: () => number = Math.random): number {
  const most = Math.min(PAUSE_MS_MAX, 2_000 * 2 ** Math.max(0, failures - 1));
  return most / 2 + (most / 2) * random();
}

/** Longest silence of an open stream, in milliseconds: its heartbeat comes every fifteen seconds. */
export const SILENCE_MS_MAX = 35_000;

/** How long a page may be out of sight before it gives up its stream: who looks at another tab for a moment keeps it. */
export const UNSEEN_MS_MAX = 8_000;
