import { describe, expect, it } from "vitest";
import type { Item } from "@/api/schema";
import { unitsOf } from "./units-of";

const item = (quantity: number, free: number | null): Item => ({
  sku: "a",
  name: "A",
  availability: "available",
  perOrder: 1,
  quantity,
  free,
});

describe("the units of a sale", () => {
  it("are those of its items together", () => {
    expect(unitsOf({ items: [item(10, 4), item(5, 0)] })).toEqual({ quantity: 15, free: 4 });
  });

  it("are not told in part", () => {
    expect(unitsOf({ items: [item(10, 4), item(5, null), item(5, 1)] }).free).toBeUndefined();
  });
});
