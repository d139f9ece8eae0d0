/**
 * Wishes that survive the page they were made on.
 *
 * The browser's storage may be full or switched off. Nothing here throws: whoever stores is told whether it worked, and what
 * cannot be read is not there.
 */
import { PLACES } from "./place";
import { FORGET_AFTER_MS, type Wish } from "./wish";

/** Stores a wish; whether it is really there. */
export function keep(place: string, wish: Wish): boolean {
  const text = JSON.stringify(wish);
  try {
    localStorage.setItem(place, text);
    return localStorage.getItem(place) === text;
  } catch {
    return false;
  }
}

/** Drops the wish of this key; one that another tab has stored there meanwhile stays. */
export function forget(place: string, key: string): void {
  try {
    if (parseWish(localStorage.getItem(place))?.key === key) localStorage.removeItem(place);
  } catch {
    // Nothing was stored then.
  }
}

/** The wish at a place, if one is there and it is one of this customer. */
export function recall(place: string, customer: string): Wish | undefined {
  try {
    const wish = parseWish(localStorage.getItem(place));
    return wish?.customer === customer ? wish : undefined;
  } catch {
    return undefined;
  }
}

/** A wish as it was stored; another release, or a curious shopper, may have written something else. */
export function parseWish(text: string | null): Wish | undefined {
  if (text === null) return undefined;
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isWish(found) ? found : undefined;
}

function isWish(found: unknown): found is Wish {
  if (typeof found !== "object" || found === null) return false;
  const wish = found as Partial<Record<keyof Wish, unknown>>;
  return (
    isDeed(wish.deed) &&
    typeof wish.key === "string" &&
    /^[\w.:-]{1,64}$/.test(wish.key) &&
    typeof wish.customer === "string" &&
    [wish.ends, wish.askedAt, wish.tries].every(Number.isFinite) &&
    [wish.unsure, wish.patient, wish.last].every((flag) => typeof flag === "boolean")
  );
}

function isDeed(found: unknown): boolean {
  if (typeof found !== "object" || found === null) return false;
  const { to, sale, sku, quantity, order } = found as Record<string, unknown>;
  if (typeof sale !== "string") return false;
  if (to === "buy") return typeof sku === "string" && Number.isInteger(quantity);
  return (to === "pay" || to === "cancel") && typeof order === "string";
}

/** Drops what nobody came back for, whosever it was: nobody else can ask about it. */
export function sweep(now: number): void {
  try {
    for (const place of Object.keys(localStorage).filter((name) => name.startsWith(PLACES))) {
      const wish = parseWish(localStorage.getItem(place));
      if (wish === undefined || now - wish.askedAt > 7 * FORGET_AFTER_MS) localStorage.removeItem(place);
    }
  } catch {
    // Nothing is stored then.
  }
}
