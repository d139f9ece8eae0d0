import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** How often the list is read again, in milliseconds: sales begin and end without anybody touching the page. */
const AGAIN_AFTER_MS = 5_000;

/** All sales: those that run, those to come, those that are over; from no cache, as `saleQuery` says. */
export const salesQuery = queryOptions({
  queryKey: ["sales"],
  queryFn: ({ signal }) => ask((signal) => api.GET("/v1/sales", { signal, cache: "no-store" }), signal),
  refetchInterval: AGAIN_AFTER_MS,
});
