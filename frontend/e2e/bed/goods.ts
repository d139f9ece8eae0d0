/** What the tests sell. Everything is cheap, so that nobody runs out of money. */
import type { ItemSpec } from "./stack";

const EUROS = { amountMinor: 1_000, currency: "EUR" };

/** What one unit costs, in cents. */
export const PRICE_MINOR = EUROS.amountMinor;

export const LAMP: ItemSpec = { sku: "LAMP", displayName: "Desk lamp", quantity: 5, price: EUROS };
export const CHAIR: ItemSpec = { sku: "CHAIR", displayName: "Folding chair", quantity: 5, price: EUROS };

/** Paid from the shopper's wallet, within the time that is given. */
export function paidFromWallet(holdSeconds = 120) {
  return { payment: { mode: "Wallet" }, reservation: { holdSeconds } };
}
