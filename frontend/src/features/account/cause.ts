/** Why money moved, as the ledger calls it. More may come: those are shown by what they did, not by a name nobody knows. */
const CAUSES = ["fund", "pay", "return", "refund"] as const;
export type Cause = (typeof CAUSES)[number] | "in" | "out";

export function causeOf(cause: string, amountMinor: number): Cause {
  return CAUSES.find((known) => known === cause) ?? (amountMinor < 0 ? "out" : "in");
}
