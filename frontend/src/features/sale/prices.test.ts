import { describe, expect, it } from "vitest";
import { anItem } from "./fixtures";
import { priceRanges } from "./prices";

const euro = (amountMinor: number) => anItem({ price: { amountMinor, currency: "EUR" } });
const yen = anItem({ price: { amountMinor: 900, currency: "JPY" } });

describe("the prices of a sale", () => {
  it("reach from the least to the most, in each currency", () => {
    expect(priceRanges([euro(300), euro(100), euro(200)])).toEqual([[euro(100).price, euro(300).price]]);
    expect(priceRanges([euro(300), yen])).toHaveLength(2);
  });

  it("begin with nothing where something is free", () => {
    expect(priceRanges([anItem(), euro(300)])).toEqual([[null, euro(300).price]]);
    expect(priceRanges([anItem()])).toEqual([[null, null]]);
    expect(priceRanges([])).toEqual([]);
  });
});
