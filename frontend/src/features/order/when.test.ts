import { describe, expect, it } from "vitest";
import { dayAndTime, instant, left } from "./when";

const NOON = Date.parse("2027-03-14T12:00:00Z");

describe("what is left", () => {
  it("counts down like a clock, and not below nothing", () => {
    expect(left(NOON + 245_000, NOON, "en")).toBe("4:05");
    expect(left(NOON + 3_845_000, NOON, "en")).toBe("1:04:05");
    expect(left(NOON + 1, NOON, "en")).toBe("0:01");
    expect(left(NOON - 5_000, NOON, "en")).toBe("0:00");
  });
});

describe("an instant", () => {
  it("has its day only where that is needed", () => {
    expect(instant(NOON, NOON, "en")).not.toContain("2027");
    expect(instant("2027-03-20T12:00:00Z", NOON, "en")).toContain("2027");
    expect(dayAndTime("2027-03-14T12:00:00Z", "de")).toContain("März");
  });
});
