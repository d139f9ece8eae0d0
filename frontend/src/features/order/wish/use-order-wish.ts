import { useEffect } from "react";
import { serverClock } from "@/api/clock";
import { queryClient } from "@/api/queries";
import type { AnyOrder } from "@/api/schema";
import { orderQuery } from "../api/get-order";
import { useWish } from "./use-wish";
import { type Deed, isUnderWay } from "./wish";

/**
 * Pays a held order, or gives it back. The order that comes of it takes the place of the one that was known. Whoever leaves
 * the page while it is under way leaves the wish behind, not the payment.
 */
export type OrderWish = ReturnType<typeof useOrderWish>;

export function useOrderWish(to: "pay" | "cancel", order: AnyOrder) {
  const deed: Deed = { to, sale: order.sale, order: order.id };
  const { state, want, tell } = useWish(deed);
  const over = order.state !== "held";
  useEffect(() => {
    if (state.is === "done") {
      queryClient.setQueryData(orderQuery(order.sale, order.id).queryKey, (known) => ({ ...known, ...state.order }));
      tell({ is: "leave" });
    } else if (over) {
      // The hold has ended, by this wish or by something else.
      tell({ is: "moot" });
    }
  });
  const ends = order.expiresAt === undefined ? serverClock.now() : Date.parse(order.expiresAt);
  return { state, tell, ends, underWay: isUnderWay(state), want: () => want(deed, ends) };
}
