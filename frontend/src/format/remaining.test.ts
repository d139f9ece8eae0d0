import { describe, expect, it } from "vitest";
import { ServerClock } from "@/api/clock";
import { clockParts, isOver, remaining, secondsLeft, spoken, spokenParts } from "./remaining";

const NOON = Date.parse("2027-03-14T12:00:00Z");
const at = (until: number, now: number) => remaining(secondsLeft(until, now));
const left = (seconds: number) => at(NOON + seconds * 1_000, NOON);

describe("what is left", () => {
  it("is counted in days, hours, minutes and seconds", () => {
    expect(left(3 * 3_600 + 4 * 60 + 5)).toEqual({ days: 0, hours: 3, minutes: 4, seconds: 5 });
    expect(left(86_400)).toEqual({ days: 1, hours: 0, minutes: 0, seconds: 0 });
  });

  it("is counted in full minutes while there are days to go", () => {
    expect(left(2 * 86_400 + 3 * 3_600 + 4 * 60 + 5)).toEqual({ days: 2, hours: 3, minutes: 5, seconds: 0 });
    expect(secondsLeft(NOON + 2 * 86_400_000, NOON)).toBe(secondsLeft(NOON + 2 * 86_400_000, NOON + 59_999));
    expect(secondsLeft(NOON + 2 * 86_400_000, NOON)).not.toBe(secondsLeft(NOON + 2 * 86_400_000, NOON + 60_000));
  });

  it("has the last second until it is over, and is never less than nothing", () => {
    expect(at(NOON + 1, NOON).seconds).toBe(1);
    expect(isOver(at(NOON + 1, NOON))).toBe(false);
    expect(isOver(at(NOON, NOON))).toBe(true);
    expect(isOver(at(NOON - 5_000, NOON))).toBe(true);
  });

  it("is right on a computer whose clock is an hour wrong, and set while the page is open", () => {
    const computer = { monotonic: 500, wall: NOON - 3_600_000 };
    const clock = new ServerClock(
      () => computer.monotonic,
      () => computer.wall,
    );
    computer.monotonic = 600;
    clock.learn(new Date(NOON).toISOString(), 500);
    expect(at(NOON + 90_050, clock.now())).toEqual({ days: 0, hours: 0, minutes: 1, seconds: 30 });
    computer.wall += 7_200_000;
    computer.monotonic += 30_000;
    expect(at(NOON + 90_050, clock.now())).toEqual({ days: 0, hours: 0, minutes: 1, seconds: 0 });
  });
});

describe("what a screen reader is told", () => {
  it("changes with the hour, then the minute, then every ten seconds", () => {
    expect(spokenParts(left(2 * 86_400 + 3 * 3_600 + 1))).toEqual([
      ["day", 2],
      ["hour", 4],
    ]);
    expect(spokenParts(left(3_661))).toEqual([
      ["hour", 1],
      ["minute", 2],
    ]);
    expect(spokenParts(left(119))).toEqual([["minute", 2]]);
    expect(spokenParts(left(60))).toEqual([["minute", 1]]);
    expect(spokenParts(left(41))).toEqual([["second", 50]]);
    expect(spokenParts(left(1))).toEqual([["second", 10]]);
    expect(spokenParts(left(0))).toEqual([]);
  });

  it("is in the reader's words", () => {
    expect(spoken(left(3_660), "en")).toBe("1 hour, 1 minute");
    expect(spoken(left(3_660), "de")).toBe("1 Stunde, 1 Minute");
    expect(spoken(left(7_380), "ja")).toBe("2 時間 3 分");
  });
});

describe("the clock", () => {
  it("has three parts of two digits each, the largest that say something", () => {
    const faces = (seconds: number, locale: string) => clockParts(left(seconds), locale).map((part) => part.digits);
    expect(faces(86_400 + 62, "en")).toEqual(["01", "00", "02"]);
    expect(faces(86_400, "en")).toEqual(["01", "00", "00"]);
    expect(faces(86_399, "en")).toEqual(["23", "59", "59"]);
    expect(faces(62, "en")).toEqual(["00", "01", "02"]);
    expect(faces(62, "ar-EG")).toEqual(["٠٠", "٠١", "٠٢"]);
  });

  it("says what it counts", () => {
    expect(clockParts(left(62), "es").map((part) => part.label)).toEqual(["h", "min", "s"]);
    expect(clockParts(left(62), "ja").map((part) => part.label)).toEqual(["時間", "分", "秒"]);
    expect(clockParts(left(62), "ar").map((part) => part.label)).toEqual(["س", "د", "ث"]);
  });
});
