import { afterEach, describe, expect, it, vi } from "vitest";
import { forget, keep, recall, sweep } from "./keep";
import { placeOf } from "./place";
import type { Wish } from "./wish";

const NOON = Date.parse("2027-03-14T12:00:00Z");
const wish: Wish = {
  deed: { to: "buy", sale: "aurora-3f2a9c1e", sku: "A", quantity: 1 },
  key: "key-1",
  customer: "ann",
  ends: NOON,
  askedAt: NOON,
  tries: 0,
  unsure: false,
  patient: false,
  last: false,
};
const place = placeOf("ann", wish.deed);

afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
});

describe("what is kept", () => {
  it("is there again, for whom it is of", () => {
    expect(keep(place, wish)).toBe(true);
    expect(recall(place, "ann")).toEqual(wish);
    expect(recall(place, "bob")).toBeUndefined();
  });

  it("is dropped only by who knows its key", () => {
    keep(place, wish);
    forget(place, "key-2");
    expect(recall(place, "ann")).toEqual(wish);
    forget(place, "key-1");
    expect(recall(place, "ann")).toBeUndefined();
  });

  it("is nothing when it is no wish", () => {
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      JSON.stringify({ ...wish, key: "a b" }),
      '{"deed":{"to":"fly"}}',
    ]) {
      localStorage.setItem(place, text);
      expect(recall(place, "ann"), text).toBeUndefined();
    }
  });

  it("says so when the storage is full or switched off", () => {
    const off = () => {
      throw new DOMException("off", "SecurityError");
    };
    vi.stubGlobal("localStorage", { setItem: off, getItem: () => null });
    expect(keep(place, wish)).toBe(false);
    vi.stubGlobal("localStorage", { setItem: () => {}, getItem: () => null });
    expect(keep(place, wish)).toBe(false);
    vi.stubGlobal("localStorage", { getItem: off, removeItem: off });
    expect(recall(place, "ann")).toBeUndefined();
    expect(() => forget(place, "key-1")).not.toThrow();
  });

  it("goes after a week, and what is none of ours stays", () => {
    const old = placeOf("bob", wish.deed);
    keep(place, wish);
    keep(old, { ...wish, customer: "bob", askedAt: NOON - 8 * 24 * 3_600_000 });
    localStorage.setItem("sluice.theme", "dark");
    sweep(NOON);
    expect(Object.keys(localStorage).sort()).toEqual(["sluice.theme", place].sort());
  });
});

describe("a place", () => {
  it("is one per customer and thing, however many units", () => {
    expect(placeOf("ann", { ...wish.deed, quantity: 2 } as Wish["deed"])).toBe(place);
    expect(placeOf("bob", wish.deed)).not.toBe(place);
    expect(placeOf("ann", { to: "pay", sale: "s", order: "A" })).not.toBe(
      placeOf("ann", { to: "cancel", sale: "s", order: "A" }),
    );
  });
});
