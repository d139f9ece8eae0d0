import { afterEach, describe, expect, it, vi } from "vitest";
import { recalled, remember } from "./remembered";

afterEach(() => vi.unstubAllGlobals());

describe("what a browser remembers", () => {
  it("is there again", () => {
    remember("sluice.test", "yes");
    expect(recalled("sluice.test")).toBe("yes");
  });

  it("is nothing where the storage is switched off", () => {
    const off = () => {
      throw new DOMException("off", "SecurityError");
    };
    vi.stubGlobal("localStorage", { getItem: off, setItem: off });
    expect(() => remember("sluice.test", "yes")).not.toThrow();
    expect(recalled("sluice.test")).toBeNull();
  });
});
