import { describe, expect, it } from "vitest";
import { pathWithin } from "./path-within";

describe("a path to come back to", () => {
  it("is one of this page, with what follows it", () => {
    expect(pathWithin("/sales/aurora?item=a#top")).toBe("/sales/aurora?item=a#top");
    expect(pathWithin("/")).toBe("/");
  });

  it("is spelled in ASCII, as the API wants it", () => {
    expect(pathWithin("/sales/größe")).toBe("/sales/gr%C3%B6%C3%9Fe");
  });

  it.each([
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "/.//evil.example",
    "sales",
    "",
    undefined,
    7,
    "/sign-in?returnTo=/sign-in",
  ])("is not %j", (value) => {
    expect(pathWithin(value)).toBeUndefined();
  });
});
