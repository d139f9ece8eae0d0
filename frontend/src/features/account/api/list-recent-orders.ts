import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** As many as the API tells at once. */
const MOST = 100;

/**
 * The customer's last orders over all sales, by id: an entry of a wallet names its order and not the sale, which the order's
 * address needs. Older ones are left out; their entries lead to the list of all orders.
 */
export const recentOrdersQuery = queryOptions({
  queryKey: ["orders", "recent"],
  queryFn: ({ signal }) =>
    ask((signal) => api.GET("/v1/orders", { params: { query: { limit: MOST } }, signal }), signal),
  select: ({ orders }) => new Map(orders.map((order) => [order.id, order])),
  meta: { personal: true },
});
