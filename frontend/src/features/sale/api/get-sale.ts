import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** One sale, with what can be had of it. */
export const saleQuery = (sale: string) =>
  queryOptions({
    queryKey: ["sale", sale],
    queryFn: ({ signal }) =>
      ask((signal) => api.GET("/v1/sales/{sale}", { params: { path: { sale } }, signal }), signal),
  });
