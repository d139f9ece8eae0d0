import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import type { TimedSale } from "@/api/schema";
import { fresher } from "../snapshot";

/**
 * One sale, with what can be had of it.
 *
 * It is never taken from the browser's cache: what is kept there, and is still true, tells the time of when it was kept.
 */
export const saleQuery = (sale: string) =>
  queryOptions({
    queryKey: ["sale", sale],
    queryFn: async ({ signal, client, queryKey }) => {
      const answer = await ask(
        (signal) => api.GET("/v1/sales/{sale}", { params: { path: { sale } }, signal, cache: "no-store" }),
        signal,
      );
      return fresher(answer, client.getQueryData<TimedSale>(queryKey));
    },
  });
