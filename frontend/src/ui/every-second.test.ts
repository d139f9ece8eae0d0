import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverClock } from "@/api/clock";
import { everySecond, secondNow } from "./every-second";

const NOON = Date.parse("2027-03-14T12:00:00Z");
let shown = true;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOON + 400);
  vi.spyOn(serverClock, "now").mockImplementation(() => Date.now());
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => (shown ? "visible" : "hidden"));
});

afterEach(() => {
  shown = true;
  vi.useRealTimers();
});

function see(visible: boolean) {
  shown = visible;
  document.dispatchEvent(new Event("visibilitychange"));
}

describe("what moves with time", () => {
  it("is drawn together, at each full second of the server", () => {
    const drawn: string[] = [];
    const note = (name: string) => () => drawn.push(`${name} ${(secondNow() - NOON) / 1_000}`);
    const ends = [everySecond(note("clock")), everySecond(note("stock"))];
    drawn.length = 0;
    vi.advanceTimersByTime(600);
    expect(drawn).toEqual([]);
    vi.advanceTimersByTime(1_001);
    expect(drawn).toEqual(["clock 1", "stock 1", "clock 2", "stock 2"]);
    for (const end of ends) end();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stands still while nobody looks, and is right at once for whoever comes back", () => {
    const drawn: number[] = [];
    const end = everySecond(() => drawn.push(secondNow() - NOON));
    see(false);
    vi.advanceTimersByTime(5_000);
    const unseen = drawn.length;
    vi.advanceTimersByTime(60_000);
    expect(drawn.length).toBe(unseen);
    expect(vi.getTimerCount()).toBe(0);
    see(true);
    expect(drawn.at(-1)).toBe(65_000);
    vi.advanceTimersByTime(601);
    expect(drawn.at(-1)).toBe(66_000);
    end();
    see(false);
    see(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends with whoever was drawn last, even while they are drawn", () => {
    const end = everySecond(() => {
      if (secondNow() > NOON) end();
    });
    vi.advanceTimersByTime(5_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
