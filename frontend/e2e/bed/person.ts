/** People who use the API by themselves, without a page: whom a test's shopper competes with. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { Order } from "../../src/api/schema";
import { edge } from "./stack";

/** The password of the people whom the installation has accounts of. */
export const PASSWORD = "sluice-demo";

/** Longest that an answer is asked for, in milliseconds: less than a test may take. */
const ANSWER_WITHIN_MS = 30_000;

/** Each test takes people of its own from those with a wallet. */
let taken = 0;

/** The address of somebody with 500 euros, whom no other test knows. */
export function somebodyWithMoney(workerIndex: number): string {
  // The first is the merchant; workers are numbered anew whenever one was replaced.
  taken += 1;
  return `user-${1 + workerIndex * 100 + taken}@example.com`;
}

/** The address of the merchant. */
export const MERCHANT = "user-0@example.com";

/** The address of somebody new, who has an account and no money. */
export async function newcomer(): Promise<string> {
  const email = `${randomUUID()}@people.example`;
  await post("/v1/accounts", { email, password: PASSWORD });
  return email;
}

export class Person {
  readonly #token: string;

  private constructor(token: string) {
    this.#token = token;
  }

  static async signedIn(email: string): Promise<Person> {
    return new Person((await post("/v1/sessions", { email, password: PASSWORD })).token as string);
  }

  /** Somebody new, with an account and no money. */
  static async registered(): Promise<Person> {
    return Person.signedIn(await newcomer());
  }

  /** Claims; fails when refused. */
  async claim(sale: string, sku: string, quantity = 1): Promise<Order> {
    return (await post(`/v1/sales/${sale}/orders`, { sku, quantity }, this.#token)) as unknown as Order;
  }

  /** Gives a held order back. */
  async cancel(order: Order): Promise<void> {
    await post(`/v1/sales/${order.sale}/orders/${order.id}/cancel`, undefined, this.#token);
  }

  /** All that they have in a sale. */
  async orders(sale: string): Promise<Order[]> {
    const headers = { Authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${edge(1)}/v1/sales/${sale}/orders`, { headers });
    if (!response.ok) throw new Error(`orders: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { orders: Order[] }).orders;
  }
}

/**
 * Asks the other edge than the page does, so that whatever a test sees went through the stock and not through a process. What
 * the shop has no answer to yet is asked again with the same key, as it says.
 */
async function post(path: string, body?: object, token?: string): Promise<Record<string, unknown>> {
  const headers = {
    ...(body && { "Content-Type": "application/json" }),
    ...(token && { Authorization: `Bearer ${token}`, "Idempotency-Key": randomUUID() }),
  };
  for (const until = Date.now() + ANSWER_WITHIN_MS; ; ) {
    const response = await fetch(`${edge(1)}${path}`, {
      method: "POST",
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok && response.status !== 202) return text ? JSON.parse(text) : {};
    if (![202, 503].includes(response.status) || Date.now() > until) {
      throw new Error(`${path}: ${response.status} ${text}`);
    }
    await setTimeout(Number(response.headers.get("Retry-After") ?? 1) * 1_000);
  }
}
