import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, ask } from "./client";
import { queryClient } from "./queries";

/**
 * Who is signed in, if anybody, and how one can sign in.
 *
 * The session itself lies in a cookie that no script can read, so the page has to ask.
 */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => ask((signal) => api.GET("/v1/sessions/current", { signal }), signal),
  staleTime: 60_000,
});

/** Who is signed in; `undefined` while that is not known, `null` when nobody is. */
export function useSession() {
  const { data } = useQuery(sessionQuery);
  return data === undefined ? undefined : (data.session ?? null);
}

/** Forgets what belonged to whoever was signed in, and asks who is now. */
export async function sessionChanged(): Promise<void> {
  queryClient.removeQueries({ predicate: (query) => query.meta?.personal === true });
  await queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
}
