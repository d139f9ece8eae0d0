import { describe, expect, it } from "vitest";
import { signInSearch, statementSearch } from "./search";

describe("what stands behind the question mark", () => {
  it("is taken when it is good", () => {
    expect(signInSearch({ returnTo: "/orders", problem: "busy" })).toEqual({ returnTo: "/orders", problem: "busy" });
    expect(statementSearch({ state: "held", order: "a" })).toEqual({ state: "held", order: "a" });
  });

  it("is answered for by name when it is not, or the router hands it on as it came", () => {
    expect({ returnTo: "//evil.example", ...signInSearch({ returnTo: "//evil.example" }) }.returnTo).toBeUndefined();
    expect({ state: "lost", ...statementSearch({ state: "lost", order: 7 }) }.state).toBeUndefined();
    expect(Object.keys(statementSearch({ order: 7 }))).toContain("order");
  });
});
