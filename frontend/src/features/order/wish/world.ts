import { serverClock } from "@/api/clock";
import { queryClient } from "@/api/queries";
import { sessionQuery } from "@/api/session";
import { cancelOrder } from "../api/cancel-order";
import { claimUnits } from "../api/claim-units";
import { payOrder } from "../api/pay-order";
import { sweep } from "./keep";
import type { World } from "./sender";
import type { State, Wish } from "./wish";

function perform(wish: Wish) {
  const { deed } = wish;
  switch (deed.to) {
    case "buy":
      return claimUnits(deed.sale, { sku: deed.sku, quantity: deed.quantity }, wish);
    case "pay":
      return payOrder(deed.sale, deed.order, wish);
    case "cancel":
      return cancelOrder(deed.sale, deed.order, wish);
  }
}

function ended(state: State) {
  if (state.is === "signed-out") {
    // Nobody is, at once; who it really is comes with the answer.
    queryClient.setQueryData(sessionQuery.queryKey, (known) => {
      if (known === undefined) return undefined;
      const { session: _, ...rest } = known;
      return { ...rest, ended: true };
    });
    void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
    return;
  }
  // Orders, limits, money: whatever is somebody's own may have changed.
  void queryClient.invalidateQueries({ predicate: (query) => query.meta?.personal === true });
}

/** The world as it is. */
export const world: World = { perform, now: () => serverClock.now(), online: () => navigator.onLine, ended };

/** Old is only what is old by the server's clock: by a shopper's own, a week ahead, every open wish would be. */
function sweepOnceHeard(): boolean {
  if (serverClock.heard) sweep(serverClock.now());
  return serverClock.heard;
}

if (!sweepOnceHeard()) {
  const stop = queryClient.getQueryCache().subscribe(() => sweepOnceHeard() && stop());
}
