import { describe, expect, it } from "vitest";
import { anEvent, anItem, aSale } from "./fixtures";
import { fresher, isOutgrown, withEvent } from "./snapshot";

describe("an event", () => {
  it("moves state, window and stock, and leaves the rest", () => {
    const sale = aSale({ items: [anItem({ free: 9 }), anItem({ sku: "B", free: 3 })] });
    const event = anEvent({ state: "paused", items: [{ sku: "A", free: 0, availability: "none-free" }] });
    const after = withEvent(sale, event);
    expect(after.state).toBe("paused");
    expect(after.name).toBe(sale.name);
    expect(after.items[0]).toMatchObject({ name: "Aurora", free: 0, availability: "none-free" });
    expect(after.items[1]).toBe(sale.items[1]);
  });

  it("tells how many are held, and forgets them once it says nothing of them", () => {
    const nextExpiry = "2027-03-14T09:05:00Z";
    const held = withEvent(
      aSale(),
      anEvent({ items: [{ sku: "A", free: 0, availability: "none-free", held: 4, nextExpiry }] }),
    );
    expect(held.items[0]).toMatchObject({ held: 4, nextExpiry });
    const free = withEvent(held, anEvent({ items: [{ sku: "A", free: 4, availability: "available" }] }));
    expect(free.items[0]).toEqual(anItem({ free: 4 }));
  });

  it("outgrows a sale that lacks its item, or had fewer units", () => {
    const sale = aSale({ items: [anItem({ quantity: 10 })] });
    const event = (sku: string, free: number | null) => anEvent({ items: [{ sku, free, availability: "available" }] });
    expect(isOutgrown(sale, event("A", 10))).toBe(false);
    expect(isOutgrown(sale, event("A", null))).toBe(false);
    expect(isOutgrown(sale, event("A", 11))).toBe(true);
    expect(isOutgrown(sale, event("new", 1))).toBe(true);
  });
});

describe("an answer", () => {
  const early = aSale({ serverTime: "2027-03-14T09:00:01Z", name: "new name", items: [anItem({ free: 9 })] });
  const late = aSale({ serverTime: "2027-03-14T09:00:02Z", name: "old name", items: [anItem({ free: 2 })] });

  it("counts when it is later than what is known", () => {
    expect(fresher(late, undefined)).toBe(late);
    expect(fresher(late, early)).toBe(late);
  });

  it("does not take back what a later event told", () => {
    const sale = fresher(early, late);
    expect(sale.name).toBe("new name");
    expect(sale.items[0]?.free).toBe(2);
    expect(sale.serverTime).toBe(late.serverTime);
  });
});
