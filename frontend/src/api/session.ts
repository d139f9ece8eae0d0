import { type Query, queryOptions, useQuery } from "@tanstack/react-query";
import { currentSession } from "./current-session";
import { queryClient } from "./queries";
import { readAgainMs, useLastError } from "./read-again";
import type { TimedCurrent } from "./schema";

/** What is known of the session. */
export interface Known extends TimedCurrent {
  /** Whether it ended by itself: somebody was signed in, is not any more, and did not sign out here. */
  readonly ended: boolean;
}

const KEY = ["session"];

/** Tabs share the cookie, so what one does to it happens to all of them. */
const otherTabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("sluice.session") : undefined;
otherTabs?.addEventListener("message", () => {
  // What is shown may be somebody else's now: it goes at once, and is asked for again.
  void queryClient.resetQueries({ predicate: isPersonal });
  signedOutHere();
  void queryClient.invalidateQueries({ queryKey: KEY });
});

const isPersonal = (query: Query) => query.meta?.personal === true;

/**
 * Who is signed in, if anybody, and how one can sign in.
 *
 * The session itself lies in a cookie that no script can read, so the page has to ask.
 */
export const sessionQuery = queryOptions({
  queryKey: KEY,
  queryFn: async ({ signal }): Promise<Known> => {
    const before = queryClient.getQueryData<Known>(KEY);
    const now = await currentSession.ask(signal);
    if (before !== undefined && now.session !== undefined && before.session?.customer !== now.session.customer) {
      // Somebody has signed in, here or in another tab: what is shown must be theirs.
      void queryClient.resetQueries({ predicate: isPersonal });
    }
    return { ...now, ended: endedBetween(before, now) };
  },
  staleTime: 60_000,
  // Nothing that is somebody's own can be shown before there is an answer.
  refetchInterval: ({ state }) => state.data === undefined && readAgainMs(state),
});

/** Whether a session ended between two answers; it stays ended until somebody signs in. */
export function endedBetween(before: Known | undefined, now: TimedCurrent): boolean {
  return now.session === undefined && before !== undefined && (before.session !== undefined || before.ended);
}

/** Who is signed in; `undefined` while that is not known, `null` when nobody is. */
export function useSession() {
  const { data } = useQuery(sessionQuery);
  return data === undefined ? undefined : (data.session ?? null);
}

/** Why nobody knows who is signed in, and how to ask again; nothing once that is known, or when it is asked first. */
export function useSessionFailure(): { readonly error: Error; readonly again: () => void } | undefined {
  const { data, error, refetch } = useQuery(sessionQuery);
  const last = useLastError({ data, error });
  return data === undefined && last !== null ? { error: last, again: () => void refetch() } : undefined;
}

/**
 * Forgets what belonged to whoever was signed in, and asks who is now. To be called when somebody has signed in or out here:
 * that is no end of a session that anybody has to be told about.
 */
export async function sessionChanged(): Promise<void> {
  otherTabs?.postMessage("changed");
  queryClient.removeQueries({ predicate: isPersonal });
  signedOutHere();
  await queryClient.invalidateQueries({ queryKey: KEY });
}

/** Until the answer comes nobody is signed in, and nobody was. */
function signedOutHere(): void {
  queryClient.setQueryData<Known>(KEY, (known) => {
    if (known === undefined) return undefined;
    const { session: _, ...rest } = known;
    return { ...rest, ended: false };
  });
}
