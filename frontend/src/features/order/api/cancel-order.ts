import { api, ask } from "@/api/client";

/** Gives a held order back, so that somebody else can have its units. */
export function cancelOrder(sale: string, order: string, key: string) {
  const params = { path: { sale, order }, header: { "Idempotency-Key": key } };
  return ask((signal) => api.POST("/v1/sales/{sale}/orders/{order}/cancel", { params, signal }));
}
