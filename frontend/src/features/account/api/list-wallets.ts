import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import { againAfterMs } from "../again";

/** What the customer has, by currency. */
export const walletsQuery = queryOptions({
  queryKey: ["wallets"],
  queryFn: ({ signal }) => ask((signal) => api.GET("/v1/me/wallets", { signal }), signal),
  meta: { personal: true },
  refetchInterval: ({ state }) => againAfterMs(state.error),
});
