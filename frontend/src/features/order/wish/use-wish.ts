import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { useSession } from "@/api/session";
import type { Event } from "./event";
import { senderOf } from "./sender";
import type { Deed, State } from "./wish";
import { world } from "./world";

const IDLE: State = { is: "idle" };
const nobody = { subscribe: () => () => {}, state: IDLE };

/**
 * What became of something that a shopper wanted, or may want, here; and how to want it. Whoever was signed in a moment ago
 * still sees their wish, and it goes on once they are back.
 */
export function useWish(deed: Deed) {
  const session = useSession();
  const last = useRef<string>(undefined);
  if (session) last.current = session.customer;
  const customer = session?.customer ?? last.current;
  const identity = JSON.stringify({ ...deed, quantity: undefined });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the identity is the deed, less how many.
  const sender = useMemo(
    () => (customer === undefined ? undefined : senderOf(customer, deed, world)),
    [customer, identity],
  );
  const { subscribe } = sender ?? nobody;
  const state = useSyncExternalStore(subscribe, () => (sender ?? nobody).state);
  const back = session != null && session.customer === sender?.customer && state.is === "signed-out";
  useEffect(() => {
    if (back) sender?.dispatch({ is: "signed-in" });
  }, [back, sender]);
  const tell = useCallback((event: Event) => sender?.dispatch(event), [sender]);
  return {
    state,
    /** Whoever has just signed in is not known to this page yet: they are named. */
    want: (wanted: Deed, ends: number, by = customer) => {
      if (by !== undefined) senderOf(by, wanted, world).want(wanted, ends);
    },
    tell,
  };
}
