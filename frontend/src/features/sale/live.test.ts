import { describe, expect, it } from "vitest";
import { type Happening, hasStream, type Live, OPENING, pauseMs, polls, step } from "./live";

const state = (...happenings: Happening[]) => happenings.reduce<Live>(step, OPENING);

describe("the stream of a sale", () => {
  it("is open once something was heard, and polling ends", () => {
    expect(polls(state())).toBe(true);
    expect(state("heard")).toEqual({ is: "open" });
    expect(polls(state("heard"))).toBe(false);
  });

  it("is polled for while the browser comes back to it", () => {
    expect(state("heard", "broken")).toEqual(OPENING);
    expect(polls(state("heard", "broken"))).toBe(true);
    expect(hasStream(state("heard", "broken"))).toBe(true);
    expect(state("heard", "broken", "heard")).toEqual({ is: "open" });
  });

  it("is opened again after a pause when it was refused, a longer one each time", () => {
    expect(state("refused")).toEqual({ is: "waiting", failures: 1 });
    expect(hasStream(state("refused"))).toBe(false);
    expect(polls(state("refused"))).toBe(true);
    expect(state("refused", "waited")).toEqual({ is: "opening", failures: 1 });
    expect(state("refused", "waited", "refused")).toEqual({ is: "waiting", failures: 2 });
    expect(state("refused", "waited", "heard", "refused")).toEqual({ is: "waiting", failures: 1 });
  });

  it("is given up when it is silent", () => {
    expect(state("heard", "silent")).toEqual({ is: "waiting", failures: 1 });
  });

  it("is closed while nobody looks, and nothing that comes late opens it", () => {
    for (const late of ["heard", "broken", "refused", "silent", "waited"] as const) {
      expect(state("heard", "hidden", late)).toEqual({ is: "hidden" });
    }
    expect(polls(state("hidden"))).toBe(false);
    expect(hasStream(state("hidden"))).toBe(false);
    expect(state("refused", "hidden", "shown")).toEqual(OPENING);
  });

  it("never leaves a reader without news, whatever happens", () => {
    const all: Happening[] = ["heard", "broken", "refused", "silent", "waited", "hidden", "shown"];
    const seen = new Map<string, Live>();
    const visit = (live: Live, depth: number) => {
      seen.set(JSON.stringify(live), live);
      if (depth > 0) for (const happening of all) visit(step(live, happening), depth - 1);
    };
    visit(OPENING, 5);
    for (const live of seen.values()) {
      expect(live.is === "hidden" || live.is === "open" || polls(live)).toBe(true);
      expect(hasStream(live) && live.is === "hidden").toBe(false);
    }
  });

  it("draws nothing again for what changes nothing", () => {
    const open = state("heard");
    expect(step(open, "heard")).toBe(open);
    expect(step(open, "shown")).toBe(open);
    expect(step(OPENING, "broken")).toBe(OPENING);
  });
});

describe("pauses", () => {
  it("grow to a minute, and are spread", () => {
    expect([1, 2, 3].map((failures) => pauseMs(failures, () => 1))).toEqual([2_000, 4_000, 8_000]);
    expect(pauseMs(50, () => 1)).toBe(60_000);
    expect(pauseMs(50, () => 0)).toBe(30_000);
  });
});
