import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** My orders over all sales, the newest first, a page at a time. */
export const allOrdersQuery = infiniteQueryOptions({
  queryKey: ["orders"],
  queryFn: ({ pageParam, signal }) =>
    ask(
      (signal) => api.GET("/v1/orders", { params: { query: pageParam ? { cursor: pageParam } : {} }, signal }),
      signal,
    ),
  initialPageParam: "",
  getNextPageParam: ({ cursor }) => cursor,
  meta: { personal: true },
});
