import { api, ask } from "@/api/client";
import { refusedAs } from "@/api/problem";

/** Nobody knows yet whether the order was refunded: the same request with the same key will tell. */
export class Settling extends Error {
  override readonly name = "Settling";
}

/**
 * Takes a sold order back. To find it refunded is what was wanted, whoever did it.
 *
 * @throws Settling when the outcome is not known yet.
 */
export async function refundOrder(sale: string, order: string, key: string): Promise<void> {
  try {
    const answer = await ask((signal) =>
      api.POST("/v1/sales/{sale}/orders/{order}/refund", {
        params: { path: { sale, order }, header: { "Idempotency-Key": key } },
        signal,
      }),
    );
    if (answer.state === "settling") throw new Settling("not settled yet");
  } catch (error) {
    if (refusedAs(error, "order-released")?.reason !== "refunded") throw error;
  }
}
