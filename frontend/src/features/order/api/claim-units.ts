import { api, ask } from "@/api/client";
import type { Claim } from "@/api/schema";

/** Claims units of an item; the same key gets the same order, however often it is sent. */
export function claimUnits(sale: string, claim: Claim, key: string) {
  const params = { path: { sale }, header: { "Idempotency-Key": key } };
  return ask((signal) => api.POST("/v1/sales/{sale}/orders", { params, body: claim, signal }));
}
