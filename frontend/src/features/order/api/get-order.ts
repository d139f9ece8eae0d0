import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import { Refused, Unreachable, waitMsOf } from "@/api/problem";
import { pauseMs } from "@/api/queries";

/** How often an order that is not there yet is looked for: a claim may be under way, for ten seconds at most. */
const LOOKS_MAX = 5;

/** One of my orders. */
export const orderQuery = (sale: string, order: string) =>
  queryOptions({
    queryKey: ["order", sale, order],
    queryFn: ({ signal }) =>
      ask(
        (signal) => api.GET("/v1/sales/{sale}/orders/{order}", { params: { path: { sale, order } }, signal }),
        signal,
      ),
    meta: { personal: true },
    retry: (looks, error) =>
      looks < LOOKS_MAX &&
      (error instanceof Unreachable || (error instanceof Refused && error.problem.retry === "now")),
    retryDelay: (look, error) => Math.max(pauseMs(look), waitMsOf(error)),
  });
