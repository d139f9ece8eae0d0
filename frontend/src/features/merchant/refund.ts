import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";
import { waitMsOf } from "@/api/problem";
import { pauseMs } from "@/api/queries";
import type { SaleOrders } from "@/api/schema";
import { statementQuery } from "./api/get-statement";
import { saleOrdersKey } from "./api/list-sale-orders";
import { refundOrder } from "./api/refund-order";
import { isOpen } from "./refusals";
import { wishes } from "./wish";

/** How often a refund is sent before a person has to press again: for about a minute. */
const TRIES = 10;

/** The order as refunded, in lists that were read before it was. */
export function withRefunded(pages: InfiniteData<SaleOrders> | undefined, order: string) {
  return (
    pages && {
      ...pages,
      pages: pages.pages.map((page) => ({
        ...page,
        orders: page.orders.map((each) =>
          each.id === order ? { ...each, state: "released" as const, reason: "refunded" as const } : each,
        ),
      })),
    }
  );
}

/**
 * Refunds an order, and keeps on until it is known how that ended. The order stays in its list, as what became of it, even when
 * the list is of sold orders: whoever has just refunded it wants to see that.
 */
export function useRefund(sale: string, order: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => refundOrder(sale, order, wishes.keyOf(order)),
    retry: (failures, error) => isOpen(error) && failures < TRIES,
    retryDelay: (attempt, error) => Math.max(pauseMs(attempt), waitMsOf(error)),
    onSuccess: () => {
      wishes.settle(order);
      queries.setQueriesData<InfiniteData<SaleOrders>>({ queryKey: saleOrdersKey(sale) }, (pages) =>
        withRefunded(pages, order),
      );
      void queries.invalidateQueries({ queryKey: statementQuery(sale).queryKey });
    },
    onError: (error) => {
      if (!isOpen(error)) wishes.settle(order);
    },
  });
}
