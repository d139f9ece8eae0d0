import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import type { OrderState } from "@/api/schema";

/** Which orders a merchant wants to see. */
export interface Which {
  readonly state?: OrderState;
  /** One order, whatever its state. */
  readonly order?: string;
}

/** What the key of every list of a sale's orders begins with. */
export const saleOrdersKey = (sale: string) => ["merchant", "orders", sale] as const;

/** The orders of a sale, of everybody, page by page. */
export const saleOrdersQuery = (sale: string, which: Which) =>
  infiniteQueryOptions({
    queryKey: [...saleOrdersKey(sale), which],
    queryFn: ({ signal, pageParam }) =>
      ask((signal) => {
        const query = { ...which, ...(pageParam === undefined ? {} : { cursor: pageParam }) };
        return api.GET("/v1/sales/{sale}/statement/orders", { params: { path: { sale }, query }, signal });
      }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ cursor }) => cursor,
    staleTime: 10_000,
    meta: { personal: true },
  });
