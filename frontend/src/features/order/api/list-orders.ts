import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";
import { serverClock } from "@/api/clock";
import { pollEveryMs, readAgainMs } from "@/api/read-again";
import type { Order } from "@/api/schema";

/** How long after a hold is over this page looks what became of it, and how often until that is settled. */
const LOOK_AFTER_MS = pollEveryMs();
/** Longest that is waited at once, in milliseconds: timers take no number that is much greater. */
const WAIT_MS_MAX = 3_600_000;

/** My orders in a sale, right at once. */
export const ordersInSaleQuery = (sale: string) =>
  queryOptions({
    queryKey: ["orders", sale],
    queryFn: ({ signal }) =>
      ask((signal) => api.GET("/v1/sales/{sale}/orders", { params: { path: { sale } }, signal }), signal),
    meta: { personal: true },
    // No event tells of a hold that ends while its page is not open.
    refetchInterval: ({ state }) => readAgainMs(state) || lookAgainMs(state.data?.orders ?? [], serverClock.now()),
  });

/** When the first hold among these orders is over and it is known what became of it; `false` when none is held. */
export function lookAgainMs(orders: readonly Order[], now: number, afterMs = LOOK_AFTER_MS): number | false {
  const ends = orders.flatMap(({ state, expiresAt }) => (state === "held" && expiresAt ? [Date.parse(expiresAt)] : []));
  if (ends.length === 0) return false;
  return Math.min(WAIT_MS_MAX, Math.max(0, Math.min(...ends) - now) + afterMs);
}
