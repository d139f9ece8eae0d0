import { describe, expect, it } from "vitest";
import { drawingOf } from "./drawing";

describe("a drawing", () => {
  it("is always the same for the same name, and another for another", () => {
    expect(drawingOf("AUR-42-BLK")).toEqual(drawingOf("AUR-42-BLK"));
    const hues = new Set(Array.from({ length: 20 }, (_, index) => drawingOf(`AUR-${index}`).hues[0]));
    expect(hues.size).toBeGreaterThan(12);
  });
});
