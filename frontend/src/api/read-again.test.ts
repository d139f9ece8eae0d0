import { renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "./problem";
import { pollEveryMs, readAgainMs, useLastError } from "./read-again";
import type { Problem } from "./schema";

const lost = new Unreachable("lost");
const refused = (more: Partial<Problem>) =>
  new Refused({ type: "https://sluice.dev/problems/rate-limited", ...more } as unknown as Problem);

describe("a page that polls", () => {
  it("does so as often as no other does", () => {
    expect([0, 0.5, 1].map((drawn) => pollEveryMs(() => drawn))).toEqual([2_000, 3_500, 5_000]);
  });
});

describe("what could not be read", () => {
  it("is read again after a pause that grows to a bound, spread over a crowd", () => {
    const pauses = (stand: number) =>
      [1, 2, 3, 50].map((errorUpdateCount) => readAgainMs({ error: lost, errorUpdateCount }, stand));
    expect(pauses(0)).toEqual([1_000, 2_000, 4_000, 4_000]);
    expect(pauses(1)).toEqual([2_000, 4_000, 8_000, 8_000]);
  });

  it("is never read earlier than the shop told, and not by all at that moment", () => {
    const error = refused({ retry: "later", retryAfterSeconds: 20 } as Partial<Problem>);
    expect(readAgainMs({ error, errorUpdateCount: 1 }, 0)).toBe(20_000);
    expect(readAgainMs({ error, errorUpdateCount: 1 }, 1)).toBe(25_000);
  });

  it("is let be when nothing failed, or when no try can help", () => {
    expect(readAgainMs({ error: null, errorUpdateCount: 0 })).toBe(false);
    expect(readAgainMs({ error: refused({ retry: "never" }), errorUpdateCount: 1 })).toBe(false);
  });

  it("is told of all the while it is read again, until it is known", () => {
    const read = { data: undefined as unknown, error: null as Error | null };
    const { result, rerender } = renderHook(useLastError, { initialProps: read });
    expect(result.current).toBeNull();
    rerender({ data: undefined, error: lost });
    rerender({ data: undefined, error: null });
    expect(result.current).toBe(lost);
    rerender({ data: {}, error: null });
    expect(result.current).toBeNull();
  });
});
