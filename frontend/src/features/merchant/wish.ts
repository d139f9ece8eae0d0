/**
 * Refunds that somebody has decided on and of which no outcome is known.
 *
 * The key of a refund is stored before it is sent, so that whatever happens in between, a reload or a lost connection, what is
 * sent again is the same wish. It is no secret: it does nothing without the session.
 */

/** The part of the browser's storage that is needed. */
export type Storage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem">;

const nameOf = (order: string) => `sluice.refund.${order}`;

export class Wishes {
  readonly #storage: Storage;
  readonly #makeKey: () => string;

  constructor(storage: Storage, makeKey: () => string = () => crypto.randomUUID()) {
    this.#storage = storage;
    this.#makeKey = makeKey;
  }

  /** The key to send: the one that was stored, else a new one, which is stored first. */
  keyOf(order: string): string {
    const stored = this.#storage.getItem(nameOf(order));
    if (stored !== null) return stored;
    const key = this.#makeKey();
    this.#storage.setItem(nameOf(order), key);
    return key;
  }

  /** Whether a refund was decided on and its outcome was never learnt. */
  isOpen(order: string): boolean {
    return this.#storage.getItem(nameOf(order)) !== null;
  }

  /** The outcome is known. */
  settle(order: string): void {
    this.#storage.removeItem(nameOf(order));
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
