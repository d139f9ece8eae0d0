import { api, ask } from "@/api/client";
import type { Wish } from "../wish/wish";
import { keyed } from "./keyed";

/** Gives a held order back, so that somebody else can have its units. */
export function cancelOrder(sale: string, order: string, wish: Pick<Wish, "key" | "customer">) {
  const params = { path: { sale, order }, header: keyed(wish) };
  return ask((signal) => api.POST("/v1/sales/{sale}/orders/{order}/cancel", { params, signal }));
}
