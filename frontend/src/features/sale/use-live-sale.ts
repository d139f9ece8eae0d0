import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useReducer, useRef, useState } from "react";
import { serverClock } from "@/api/clock";
import { refusedAs, waitMsOf } from "@/api/problem";
import { pollEveryMs } from "@/api/read-again";
import type { SaleEvent } from "@/api/schema";
import { everySecond } from "@/ui/every-second";
import { saleQuery } from "./api/get-sale";
import { watchSale } from "./api/watch-sale";
import { hasStream, OPENING, pauseMs, polls, SILENCE_MS_MAX, step, UNSEEN_MS_MAX } from "./live";
import { isOutgrown, isTurn, type Waiting, withEvent, withWaiting } from "./snapshot";
import { still } from "./still";

/** How often a sale is read again that is streamed, or over: for what no event tells, such as a name. */
const SELDOM_MS = 60_000;
/** And how soon once an event showed that it was changed: an edge that lags is not asked for each event. */
const OUTGROWN_MS = 1_500;

/** By what a reader is kept up to date; while the stream is being opened that is not worth a word. */
const BY = { open: "stream", opening: "either", waiting: "polling", hidden: "either" } as const;

/**
 * A sale that stays up to date while somebody looks at it, and by what it does.
 *
 * What turns (it opens, it is sold out) is shown at once. Numbers that only move are shown with the clock, once a second: a
 * reader sees no less, and a phone draws once instead of three times.
 */
export function useLiveSale(id: string) {
  const [live, happens] = useReducer(step, OPENING);
  const isOpen = useRef(false);
  isOpen.current = live.is === "open";
  const [pollMs] = useState(() => pollEveryMs());
  const client = useQueryClient();
  const query = useQuery({
    ...saleQuery(id),
    select: still,
    refetchInterval: ({ state: { data, error } }) =>
      data?.state === "ended" || isGone(error) || !polls(live) ? SELDOM_MS : Math.max(pollMs, waitMsOf(error)),
  });
  const moves = query.data !== undefined && query.data.state !== "ended" && !isGone(query.error);
  const streams = moves && hasStream(live);
  const failures = live.is === "waiting" ? live.failures : undefined;

  useEffect(() => {
    if (!streams) return;
    const key = saleQuery(id).queryKey;
    let silence = setTimeout(() => happens("silent"), SILENCE_MS_MAX);
    let readAt = performance.now();
    let waiting: Waiting | undefined;
    const show = () => {
      const shown = waiting;
      waiting = undefined;
      if (shown) client.setQueryData(key, (sale) => sale && withWaiting(sale, shown));
    };
    const noMore = everySecond(show);
    const onEvent = (event: SaleEvent) => {
      clearTimeout(silence);
      silence = setTimeout(() => happens("silent"), SILENCE_MS_MAX);
      serverClock.hear(event.serverTime);
      const known = client.getQueryData(key);
      const unread = performance.now() - readAt;
      if (known && unread > (isOutgrown(known, event) ? OUTGROWN_MS : SELDOM_MS)) {
        readAt = performance.now();
        void client.invalidateQueries({ queryKey: key });
      }
      if (known === undefined || isTurn(known, event)) {
        waiting = undefined;
        client.setQueryData(key, (sale) => sale && withEvent(sale, event));
      } else waiting = { event, known };
      // Even what changes nothing would be drawn again.
      if (!isOpen.current) happens("heard");
    };
    const close = watchSale(id, { onEvent, onBreak: (final) => happens(final ? "refused" : "broken") });
    return () => {
      clearTimeout(silence);
      close();
      noMore();
      show();
    };
  }, [id, streams, client]);

  useEffect(() => {
    if (failures === undefined) return;
    const pause = setTimeout(() => happens("waited"), pauseMs(failures));
    return () => clearTimeout(pause);
  }, [failures]);

  useEffect(() => whileSeen(happens), []);

  useEffect(() => {
    // A connection without a network stays open for a while, and brings nothing.
    const lost = () => happens("broken");
    addEventListener("offline", lost);
    return () => removeEventListener("offline", lost);
  }, []);

  const { data, error, refetch } = query;
  const lost = error !== null && live.is !== "open";
  return { data, error, refetch, gone: isGone(error), by: lost ? ("nothing" as const) : BY[live.is] };
}

function isGone(error: unknown): boolean {
  return refusedAs(error, "not-found") !== undefined;
}

/** Tells when the page has been out of sight for a while, and when it is seen again; what is returned ends it. */
function whileSeen(happens: (happening: "shown" | "hidden") => void): () => void {
  let unseen: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(unseen);
    if (document.visibilityState === "hidden") unseen = setTimeout(() => happens("hidden"), UNSEEN_MS_MAX);
    else happens("shown");
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(unseen);
    document.removeEventListener("visibilitychange", look);
  };
}
