import { api, ask } from "@/api/client";

/** Pays a held order from the wallet. An order is paid at most once, whatever the key. */
export function payOrder(sale: string, order: string, key: string) {
  const params = { path: { sale, order }, header: { "Idempotency-Key": key } };
  return ask((signal) => api.POST("/v1/sales/{sale}/orders/{order}/payment", { params, signal }));
}
