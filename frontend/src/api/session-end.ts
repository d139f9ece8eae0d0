import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { onNotSignedIn } from "./client";
import { serverClock } from "./clock";
import { queryClient } from "./queries";
import { type Known, sessionQuery } from "./session";

/** Longest that is waited at once, in milliseconds: timers sleep while a computer does, and none waits longer than 24 days. */
const WAIT_MS_MAX = 60_000;
/** Shortest, so that a clock that is a little ahead of the server's does not ask in a circle. */
const WAIT_MS_MIN = 2_000;

/** How long to wait before looking again whether a session that ends at this time has ended. */
export function waitMs(expiresAt: number, now: number): number {
  return Math.min(WAIT_MS_MAX, Math.max(WAIT_MS_MIN, expiresAt - now));
}

/**
 * Notices that the session ends while the page is open, by the server's clock or because the API says so, and tells whether
 * it did. Only the API knows, so it is asked: a wrong password is a no to somebody who is not signed in, too.
 */
export function useSessionEnded(): boolean {
  const { data } = useQuery(sessionQuery);
  const expiresAt = data?.session?.expiresAt;

  useEffect(() => {
    if (expiresAt === undefined) return;
    const end = Date.parse(expiresAt);
    let timer: ReturnType<typeof setTimeout>;
    const look = () => {
      if (serverClock.now() >= end) void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
      timer = setTimeout(look, waitMs(end, serverClock.now()));
    };
    timer = setTimeout(look, waitMs(end, serverClock.now()));
    return () => clearTimeout(timer);
  }, [expiresAt]);

  useEffect(
    () =>
      onNotSignedIn(() => {
        const known = queryClient.getQueryData<Known>(sessionQuery.queryKey);
        if (known?.session === undefined) return;
        void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey }, { cancelRefetch: false });
      }),
    [],
  );

  return data?.ended ?? false;
}
