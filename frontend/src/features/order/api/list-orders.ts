import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** My orders in a sale, right at once. */
export const ordersInSaleQuery = (sale: string) =>
  queryOptions({
    queryKey: ["orders", sale],
    queryFn: ({ signal }) =>
      ask((signal) => api.GET("/v1/sales/{sale}/orders", { params: { path: { sale } }, signal }), signal),
    meta: { personal: true },
  });
