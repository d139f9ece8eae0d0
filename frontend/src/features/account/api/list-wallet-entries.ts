import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import { againAfterMs } from "../again";

/** What moved in a wallet, the newest first, page by page. */
export const walletEntriesQuery = (currency: string) =>
  infiniteQueryOptions({
    queryKey: ["wallets", currency, "entries"],
    queryFn: ({ signal, pageParam }) =>
      ask((signal) => {
        const query = pageParam === undefined ? {} : { before: pageParam };
        return api.GET("/v1/me/wallets/{currency}/entries", { params: { path: { currency }, query }, signal });
      }, signal),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ before }) => before,
    meta: { personal: true },
    refetchInterval: ({ state }) => againAfterMs(state.error),
  });
