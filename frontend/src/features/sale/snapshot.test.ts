import { describe, expect, it } from "vitest";
import { anEvent, anItem, aSale } from "./fixtures";
import { fresher, isOutgrown, isTurn, withEvent, withWaiting } from "./snapshot";

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

  it("is a turn when it tells more than numbers", () => {
    const sale = aSale({ payment: "wallet", items: [anItem({ free: 9 }), anItem({ sku: "B", free: 3 })] });
    const [first, gone] = [
      { sku: "A", free: 8, availability: "available" },
      { sku: "B", free: 0, availability: "none-free" },
    ] as const;
    expect(isTurn(sale, anEvent({ items: [first] }))).toBe(false);
    expect(isTurn(sale, anEvent({ items: [first, gone] }))).toBe(true);
    expect(isTurn(sale, anEvent({ items: [first], state: "paused" }))).toBe(true);
    expect(isTurn(sale, anEvent({ items: [first], end: "2027-03-14T11:00:00Z" }))).toBe(true);
    const without = withEvent(sale, anEvent({ items: [gone] }));
    expect(isTurn(without, anEvent({ items: [gone] }))).toBe(false);
    expect(isTurn(without, anEvent({ items: [{ ...gone, held: 1 }] }))).toBe(true);
  });

  it("that has waited counts, unless an answer came that is later", () => {
    const known = aSale({ serverTime: "2027-03-14T09:00:04Z" });
    const event = anEvent({
      serverTime: "2027-03-14T09:00:05Z",
      items: [{ sku: "A", free: 7, availability: "available" }],
    });
    const free = (sale: typeof known) => withWaiting(sale, { event, known }).items[0]?.free;
    expect(free(known)).toBe(7);
    expect(free(aSale({ serverTime: "2027-03-14T09:00:04.9Z" }))).toBe(7);
    expect(free(aSale({ serverTime: "2027-03-14T09:00:05.1Z", items: [anItem({ free: 6 })] }))).toBe(6);
    // The clocks of two edges differ: what nothing came after is shown all the same.
    const ahead = aSale({ serverTime: "2027-03-14T09:00:09Z" });
    expect(withWaiting(ahead, { event, known: ahead }).items[0]?.free).toBe(7);
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
