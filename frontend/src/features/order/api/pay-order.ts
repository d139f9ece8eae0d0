import { api, ask } from "@/api/client";
import type { Wish } from "../wish/wish";
import { keyed } from "./keyed";

/** Pays a held order from the wallet. An order is paid at most once, whatever the key. */
export function payOrder(sale: string, order: string, wish: Pick<Wish, "key" | "customer">) {
  const params = { path: { sale, order }, header: keyed(wish) };
  return ask((signal) => api.POST("/v1/sales/{sale}/orders/{order}/payment", { params, signal }));
}
