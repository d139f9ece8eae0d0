/**
 * What may stand behind the question mark of an address, which anybody can write.
 *
 * Every name is answered for, with `undefined` where its value is no good: the router hands on whatever a route leaves out.
 */
import type { OrderState } from "@/api/schema";
import { pathWithin } from "./path-within";

type Raw = Record<string, unknown>;

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

export interface SignInSearch {
  /** The path of this page to go to afterwards. */
  returnTo?: string | undefined;
  /** The name of the refusal that sent somebody there. */
  problem?: string | undefined;
}

export function signInSearch(search: Raw): SignInSearch {
  return { returnTo: pathWithin(search.returnTo), problem: text(search.problem) };
}

const ORDER_STATES: readonly OrderState[] = ["held", "confirmed", "released"];

export interface StatementSearch {
  /** Only orders in this state. */
  state?: OrderState | undefined;
  /** Only this order. */
  order?: string | undefined;
}

export function statementSearch(search: Raw): StatementSearch {
  return { state: ORDER_STATES.find((state) => state === search.state), order: text(search.order) };
}
