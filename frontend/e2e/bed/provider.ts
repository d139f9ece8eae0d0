/** A payment provider: a page that shoppers are sent to, and what it reports to the shop. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Order } from "../../src/api/schema";
import { edge, stack } from "./stack";

/** Longest that a payment is reported again and again, in milliseconds. */
const REPORT_WITHIN_MS = 30_000;

export class Provider {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** One whose page says which order it is about. */
  static async open(): Promise<Provider> {
    const server = createServer((request, response) => {
      const order = new URL(request.url ?? "/", "http://provider").searchParams.get("order");
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(`<!doctype html><title>Pay</title><h1>Pay order ${order?.replace(/[^\w-]/g, "")}</h1>`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Provider(server);
  }

  /** Where shoppers pay, as a sale has it. */
  get checkoutURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/pay?order={order}`;
  }

  /** Reports what came of a payment, and returns what the shop made of it. */
  async report(order: Order, status: "succeeded" | "failed", reference: string): Promise<string> {
    const body = JSON.stringify({ order: order.id, reference, status, ...order.total });
    const timestamp = Math.floor(Date.now() / 1_000);
    const key = readFileSync(stack.keys.payment, "utf8").trim();
    const signature = createHmac("sha256", key).update(`${timestamp}.${body}`).digest("hex");
    for (const until = Date.now() + REPORT_WITHIN_MS; ; ) {
      const response = await fetch(`${edge(1)}/v1/payments/callback`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Sluice-Timestamp": `${timestamp}`,
          "Sluice-Signature": signature,
        },
        body,
      });
      if (response.ok) return ((await response.json()) as { outcome: string }).outcome;
      // As providers do: the books may not have the order yet, or be slow to answer.
      if (![404, 503].includes(response.status) || Date.now() > until) {
        throw new Error(`callback: ${response.status} ${await response.text()}`);
      }
      await setTimeout(250);
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
