/**
 * How one thing that somebody wants is followed through a shop: the W3C's Trace Context, begun by the page. Whoever keeps
 * traces finds all attempts at it under one id, which a reader can be shown as a reference.
 */

const VERSION = "00";
/** Nobody is asked to record it: whether they do is for them to decide. */
const NOT_SAMPLED = "00";

/** The fields' values that stand for nothing. */
const NOTHING = /^0+$/;
const TRACE_ID = /^[0-9a-f]{32}$/;

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function notNothing(hex: string): boolean {
  return !NOTHING.test(hex);
}

/**
 * The trace of what is known by this key. A key is made of 16 random bytes once, stored before it is sent, and no secret:
 * taken for the trace as well it is the same one in all attempts, also after a reload and from other tabs.
 */
export function traceOfKey(key: string): string | undefined {
  const id = key.replaceAll("-", "").toLowerCase();
  return TRACE_ID.test(id) && notNothing(id) ? id : undefined;
}

/** What a request carries that moves something: the trace of its key, else one of its own; each attempt is a span. */
export function traceparent(key: string | null): string {
  const trace = (key === null ? undefined : traceOfKey(key)) ?? randomHex(16);
  return `${VERSION}-${trace}-${randomHex(8)}-${NOT_SAMPLED}`;
}
