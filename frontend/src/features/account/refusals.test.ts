import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "@/api/problem";
import type { Problem } from "@/api/schema";
import { arrivalOf, meaningOf } from "./refusals";

describe("a refusal", () => {
  it("is a wrong password to somebody who typed one", () => {
    const problem = { type: "https://sluice.dev/problems/not-signed-in", detail: "" } as Problem;
    expect(meaningOf(new Refused(problem))).toBe("wrong");
  });

  it("is a shop that is away when there was no answer", () => {
    expect(meaningOf(new Unreachable("no answer"))).toBe("away");
  });

  it("in an address says why somebody was sent here, and no more", () => {
    expect(arrivalOf(undefined)).toBeUndefined();
    expect(arrivalOf("not-signed-in")).toBe("signInFirst");
    expect(arrivalOf("constructor")).toBe("unexpected");
    expect(arrivalOf("Your card number, please")).toBe("unexpected");
  });
});
