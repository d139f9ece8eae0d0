/**
 * Refunds that somebody has decided on and of which no outcome is known.
 *
 * The key of a refund is stored before it is sent, so that whatever happens in between, a reload or a lost connection, what is
 * sent again is the same wish. It is no secret: it does nothing without the session.
 *
 * The browser's storage may be full or switched off. That keeps nobody from giving money back: the key lasts as long as the page
 * then, and an order is refunded once, whatever the key.
 */

import { newKey } from "@/api/new-key";

/** The part of the browser's storage that is needed. */
export type Storage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem">;

const nameOf = (order: string) => `sluice.refund.${order}`;

export class Wishes {
  readonly #storage: Storage;
  readonly #makeKey: () => string;
  /** Keys that the storage did not take. */
  readonly #unstored = new Map<string, string>();

  constructor(storage: Storage, makeKey: () => string = newKey) {
    this.#storage = storage;
    this.#makeKey = makeKey;
  }

  /** The key to send: the one that is kept, else a new one, which is kept first. */
  keyOf(order: string): string {
    const known = this.#find(order);
    if (known !== undefined) return known;
    const key = this.#makeKey();
    try {
      this.#storage.setItem(nameOf(order), key);
    } catch {
      this.#unstored.set(order, key);
    }
    return key;
  }

  /** Whether a refund was decided on and its outcome was never learnt. */
  isOpen(order: string): boolean {
    return this.#find(order) !== undefined;
  }

  /** The outcome is known. */
  settle(order: string): void {
    this.#storage.removeItem(nameOf(order));
    this.#unstored.delete(order);
  }

  #find(order: string): string | undefined {
    return this.#storage.getItem(nameOf(order)) ?? this.#unstored.get(order);
  }
}

/** The browser's; where that is switched off, one that lasts as long as the page does. */
function storage(): Storage {
  try {
    return localStorage;
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
      removeItem: (name) => void kept.delete(name),
    };
  }
}

export const wishes = new Wishes(storage());
