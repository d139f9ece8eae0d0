import { api, ask } from "@/api/client";
import type { Claim } from "@/api/schema";
import type { Wish } from "../wish/wish";
import { keyed } from "./keyed";

/** Claims units of an item; the same key gets the same order, however often it is sent. */
export function claimUnits(sale: string, claim: Claim, wish: Pick<Wish, "key" | "customer">) {
  const params = { path: { sale }, header: keyed(wish) };
  return ask((signal) => api.POST("/v1/sales/{sale}/orders", { params, body: claim, signal }));
}
