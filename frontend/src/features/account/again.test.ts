import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "@/api/problem";
import type { Problem } from "@/api/schema";
import { againAfterMs } from "./again";

const refused = (name: string, more: object) =>
  new Refused({ type: `https://sluice.dev/problems/${name}`, detail: "", ...more } as Problem);

describe("what could not be read", () => {
  it("is read again when that can help, and not before it may", () => {
    expect(againAfterMs(new Unreachable("no answer"))).toBe(10_000);
    expect(againAfterMs(refused("busy", { retry: "now", retryAfterSeconds: 1 }))).toBe(10_000);
    expect(againAfterMs(refused("rate-limited", { retry: "later", retryAfterSeconds: 30 }))).toBe(30_000);
  });

  it("is left alone when that cannot help", () => {
    expect(againAfterMs(null)).toBe(false);
    expect(againAfterMs(refused("not-signed-in", { retry: "never" }))).toBe(false);
  });
});
