import { describe, expect, it } from "vitest";
import { Refused, Unreachable, waitMsOf } from "@/api/problem";
import type { Problem } from "@/api/schema";
import { Settling } from "./api/refund-order";
import { isOpen, meaningOf } from "./refusals";

const refused = (name: string, more: object) =>
  new Refused({ type: `https://sluice.dev/problems/${name}`, detail: "", ...more } as Problem);

describe("a refund without a yes", () => {
  it("goes on while its outcome is open", () => {
    expect(isOpen(new Settling("not settled yet"))).toBe(true);
    expect(isOpen(new Unreachable("no answer"))).toBe(true);
    expect(isOpen(refused("busy", { retry: "now", retryAfterSeconds: 1 }))).toBe(true);
    expect(isOpen(refused("timed-out", { retry: "now" }))).toBe(true);
  });

  it("is over when it was refused for good", () => {
    expect(isOpen(refused("forbidden", { retry: "never" }))).toBe(false);
    expect(isOpen(refused("order-released", { retry: "never", reason: "cancelled" }))).toBe(false);
    expect(meaningOf(refused("hold-expired", { retry: "never" }))).toBe("unpaid");
  });

  it("waits as long as it was told to", () => {
    expect(waitMsOf(refused("rate-limited", { retry: "later", retryAfterSeconds: 7 }))).toBe(7_000);
    expect(waitMsOf(new Unreachable("no answer"))).toBe(0);
  });
});
