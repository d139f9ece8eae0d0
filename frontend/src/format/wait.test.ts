import { describe, expect, it } from "vitest";
import { formatWait } from "./wait";

describe("a while", () => {
  it("is told in seconds while those say something", () => {
    expect(formatWait(1, "en")).toBe("1 second");
    expect(formatWait(90, "de")).toBe("90 Sekunden");
  });

  it("is never told too short", () => {
    expect(formatWait(121, "en")).toBe("3 minutes");
    expect(formatWait(121, "ja")).toBe("3 分");
  });
});
