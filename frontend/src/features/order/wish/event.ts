import type { Order, Problem } from "@/api/schema";
import type { State, Wish } from "./wish";

/** What can happen to a wish. */
export type Event =
  /** The shopper wants something; `kept` says whether the browser stored it. */
  | { readonly is: "wanted"; readonly wish: Wish; readonly kept: boolean }
  /** A wish of an earlier page, or of another tab, was found. */
  | { readonly is: "found"; readonly wish: Wish }
  /** It leaves now. */
  | { readonly is: "sent" }
  | { readonly is: "ordered"; readonly order: Order }
  | { readonly is: "settling" }
  | { readonly is: "refused"; readonly problem: Problem }
  | { readonly is: "unanswered" }
  | { readonly is: "offline" }
  /** The pause is over; or it may leave now, where something had to be waited for first. */
  | { readonly is: "due" }
  /** The shopper asks again, also where nothing is stored. */
  | { readonly is: "again" }
  /** The shopper wants it to be tried again by itself. */
  | { readonly is: "keep-trying" }
  | { readonly is: "signed-in" }
  /** Another tab got the answer to the wish of this key, or was told to leave it. */
  | { readonly is: "ended"; readonly key: string; readonly state: State }
  /** It is not stored any more, so another tab has settled it; but none told how. */
  | { readonly is: "untold" }
  /** Another tab stored its own wish at the same moment: one of them counts. */
  | { readonly is: "overwritten"; readonly wish: Wish }
  /** The shopper has seen it, or does not want it any more. */
  | { readonly is: "leave" }
  /** What it was about has come to an end in another way. */
  | { readonly is: "moot" };
