import { describe, expect, it } from "vitest";
import { causeOf } from "./cause";

describe("a movement of a wallet", () => {
  it("is called by its cause", () => {
    expect(causeOf("pay", -12_900)).toBe("pay");
  });

  it("is called by its direction when the cause is new", () => {
    expect(causeOf("bonus", 100)).toBe("in");
    expect(causeOf("fee", -100)).toBe("out");
  });
});
