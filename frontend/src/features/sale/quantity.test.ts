import { describe, expect, it } from "vitest";
import { anItem, aSale } from "./fixtures";
import { mostEver, mostNow, within } from "./quantity";

describe("how many can be chosen", () => {
  it("is the smallest limit", () => {
    expect(mostEver(aSale(), anItem({ perOrder: 5 }))).toBe(5);
    expect(mostEver(aSale(), anItem({ perOrder: 5, perCustomer: 3 }))).toBe(3);
    expect(mostEver(aSale({ perCustomer: 2 }), anItem({ perOrder: 5, perCustomer: 3 }))).toBe(2);
  });

  it("is no more than are free, but one can always be asked for", () => {
    expect(mostNow(aSale(), anItem({ free: 2 }))).toBe(2);
    expect(mostNow(aSale(), anItem({ free: null }))).toBe(5);
    expect(mostNow(aSale(), anItem({ free: 0 }))).toBe(1);
  });

  it("takes back what cannot be had any more", () => {
    expect(within(4, 2)).toBe(2);
    expect(within(0, 2)).toBe(1);
    expect(within(Number.NaN, 2)).toBe(1);
  });
});
