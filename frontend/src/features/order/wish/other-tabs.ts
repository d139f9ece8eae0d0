/** What tabs of one browser tell each other about wishes: how one ended, and that there is one. */
import { parseWish } from "./keep";
import type { State, Wish } from "./wish";

interface News {
  readonly place: string;
  readonly key: string;
  readonly state: State;
}

interface Hearer {
  readonly place: string;
  readonly ended: (key: string, state: State) => void;
  readonly found: (wish: Wish) => void;
}

const CHANNEL = "sluice.wish";
let channel: BroadcastChannel | undefined;
/** Whoever listens, all by one listener: a page may look at many wishes. */
const hearers = new Set<Hearer>();

function start() {
  if (typeof BroadcastChannel === "function") {
    channel = new BroadcastChannel(CHANNEL);
    channel.addEventListener("message", ({ data }: MessageEvent<News>) => {
      for (const { place, ended } of hearers) if (place === data.place) ended(data.key, data.state);
    });
  }
  addEventListener("storage", ({ key, newValue }) => {
    for (const { place, found } of hearers) {
      const wish = place === key ? parseWish(newValue) : undefined;
      if (wish) found(wish);
    }
  });
}

/** Tells the other tabs how a wish ended. Where that is not possible they ask with the same key, and are told the same. */
export function tellOthers(place: string, key: string, state: State): void {
  channel?.postMessage({ place, key, state } satisfies News);
}

/** Listens to the other tabs about one place, from now on. */
export function hearOthers(hearer: Hearer): void {
  if (hearers.size === 0) start();
  hearers.add(hearer);
}
