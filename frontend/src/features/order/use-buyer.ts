import { useState } from "react";
import { Refused } from "@/api/problem";
import { queryClient } from "@/api/queries";
import type { Problem } from "@/api/schema";
import { sessionChanged, sessionQuery, useSession } from "@/api/session";
import { enterAsGuest } from "./api/enter-as-guest";
import type { SaleToBuy } from "./selling";
import { alone } from "./wish/alone";

/** Who may buy in a sale: somebody at once, a guest after one more request, or nobody before they have signed in. */
export function useBuyer({ guestsAllowed }: SaleToBuy) {
  const session = useSession();
  const [entering, setEntering] = useState(false);
  const [failure, setFailure] = useState<Problem | "unreachable">();

  /** Finds out who buys, makes them a guest where that is wanted; `undefined` when nobody may, or nobody knows. */
  async function enter(): Promise<string | undefined> {
    if (entering) return undefined;
    setEntering(true);
    setFailure(undefined);
    try {
      let buyer: string | undefined;
      // A guest can never come back, so no tab makes a second one of somebody whom another has just signed in.
      await alone("sluice.guest", async () => {
        const known = (await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 })).session;
        if (known && (!known.guest || guestsAllowed)) buyer = known.customer;
        else if (guestsAllowed) {
          buyer = (await enterAsGuest()).customer;
          await sessionChanged();
        }
      });
      return buyer;
    } catch (error) {
      setFailure(error instanceof Refused ? error.problem : "unreachable");
      return undefined;
    } finally {
      setEntering(false);
    }
  }

  const may = session === undefined ? undefined : session !== null && (!session.guest || guestsAllowed);
  return {
    /** Who buys; `undefined` while that is not known, or while nobody may. */
    customer: may ? session?.customer : undefined,
    /** Whether they have to sign in first. */
    mustSignIn: may === false && !guestsAllowed,
    /** Whether they would buy as a guest, and can sign in instead. */
    asGuest: may === false && guestsAllowed,
    entering,
    failure,
    enter,
  };
}
