import { describe, expect, it } from "vitest";
import { faults, faultsTold, firstOf, type Typed } from "./credentials";

const good: Typed = { email: "ann@people.example", password: "correct horse", name: "" };

describe("what was typed", () => {
  it("is right without a name", () => {
    expect(faults("register", good)).toEqual({});
    expect(faults("signIn", good)).toEqual({});
  });

  it("may have space around the address", () => {
    expect(faults("signIn", { ...good, email: " ann@people.example " })).toEqual({});
  });

  it.each(["ann", "ann@", "@people.example", "ann@people", "ann@people.", "a b@people.example"])(
    "is no address: %s",
    (email) => {
      expect(faults("signIn", { ...good, email })).toEqual({ email: "emailShape" });
    },
  );

  it("needs a long password to register, and any to sign in", () => {
    expect(faults("register", { ...good, password: "1234567" })).toEqual({ password: "passwordShort" });
    expect(faults("signIn", { ...good, password: "1234567" })).toEqual({});
    expect(faults("signIn", { ...good, password: "" })).toEqual({ password: "passwordMissing" });
  });

  it("is counted in characters, as the API does", () => {
    expect(faults("register", { ...good, password: "🦊".repeat(128) })).toEqual({});
    expect(faults("register", { ...good, password: "🦊".repeat(7) })).toEqual({ password: "passwordShort" });
    expect(faults("register", { ...good, password: "🦊".repeat(129) })).toEqual({ password: "passwordLong" });
  });

  it("is put right from the top", () => {
    expect(firstOf(faults("register", { email: "", password: "", name: "n".repeat(101) }))).toBe("name");
    expect(firstOf(faults("signIn", { email: "", password: "", name: "n".repeat(101) }))).toBe("email");
    expect(firstOf({})).toBeUndefined();
  });

  it("is blamed for what the API finds, unless that is no field", () => {
    expect(faultsTold("email")).toEqual({ email: "emailShape" });
    expect(faultsTold("body")).toEqual({});
  });
});
