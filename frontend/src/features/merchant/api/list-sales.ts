import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** How often the list is read again, in milliseconds: a merchant watches it for hours. */
const AGAIN_AFTER_MS = 10_000;

/** All sales that are known to the edges. Those that were removed keep their books, and are found by their id. */
export const merchantSalesQuery = queryOptions({
  queryKey: ["merchant", "sales"],
  queryFn: ({ signal }) => ask((signal) => api.GET("/v1/sales", { signal }), signal),
  refetchInterval: AGAIN_AFTER_MS,
});
