/** What tabs of one browser tell each other about wishes: how one ended, and that there is one. */
import { parseWish } from "./keep";
import type { State, Wish } from "./wish";

interface News {
  readonly place: string;
  readonly key: string;
  readonly state: State;
}

const CHANNEL = "sluice.wish";
let channel: BroadcastChannel | undefined;

function open(): BroadcastChannel | undefined {
  if (channel === undefined && typeof BroadcastChannel === "function") channel = new BroadcastChannel(CHANNEL);
  return channel;
}

/** Tells the other tabs how a wish ended. Where that is not possible they ask with the same key, and are told the same. */
export function tellOthers(place: string, key: string, state: State): void {
  open()?.postMessage({ place, key, state } satisfies News);
}

/** Listens to the other tabs about one place. */
export function hearOthers(
  place: string,
  ended: (key: string, state: State) => void,
  found: (wish: Wish) => void,
): () => void {
  const onMessage = ({ data }: MessageEvent<News>) => {
    if (data.place === place) ended(data.key, data.state);
  };
  const onStorage = ({ key, newValue }: StorageEvent) => {
    const wish = key === place ? parseWish(newValue) : undefined;
    if (wish) found(wish);
  };
  const opened = open();
  opened?.addEventListener("message", onMessage);
  addEventListener("storage", onStorage);
  return () => {
    opened?.removeEventListener("message", onMessage);
    removeEventListener("storage", onStorage);
  };
}
