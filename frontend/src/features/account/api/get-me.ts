import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import { againAfterMs } from "../again";

/** Who is signed in, with what only the ledger knows of them. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => ask((signal) => api.GET("/v1/me", { signal }), signal),
  meta: { personal: true },
  refetchInterval: ({ state }) =>
    state.data?.complete === false ? againAfterMs(undefined) : againAfterMs(state.error),
});
