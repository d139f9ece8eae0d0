import type { Wish } from "../wish/wish";

/**
 * What makes a request that moves something safe to send: its key, and whom it is for. The session is the browser's and may
 * have become somebody else's, in another tab, a moment ago; then nothing is done.
 */
export function keyed({ key, customer }: Pick<Wish, "key" | "customer">) {
  return { "Idempotency-Key": key, "Sluice-Customer": customer };
}
