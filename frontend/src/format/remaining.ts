/** What is left until an instant, and how a reader sees and hears it. */
import { listFormat, numberFormat } from "./formats";

export interface Remaining {
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
}

type Unit = "day" | "hour" | "minute" | "second";

const DAY = 86_400;

/**
 * Seconds that are left between two instants in milliseconds: the last one is shown until it is over. While there are days to
 * go they are full minutes, rounded up as well: seconds tell nobody anything then, and would keep a phone drawing.
 */
export function secondsLeft(until: number, now: number): number {
  const all = Math.max(0, Math.ceil((until - now) / 1_000));
  return all > DAY ? Math.ceil(all / 60) * 60 : all;
}

/** So many seconds in days, hours, minutes and seconds. */
export function remaining(all: number): Remaining {
  return {
    days: Math.floor(all / DAY),
    hours: Math.floor((all % DAY) / 3_600),
    minutes: Math.floor((all % 3_600) / 60),
    seconds: all % 60,
  };
}

export function isOver({ days, hours, minutes, seconds }: Remaining): boolean {
  return days + hours + minutes + seconds === 0;
}

/**
 * What a screen reader is told, which changes at a human rate: days and hours, hours and minutes, minutes, and in the last
 * minute every ten seconds. It is rounded up, so nobody hears that nothing is left before it is so.
 */
export function spokenParts({ days, hours, minutes, seconds }: Remaining): [Unit, number][] {
  const all = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
  const upTo = (size: number) => Math.ceil(all / size) * size;
  const parts = (rounded: number): [Unit, number][] => [
    ["day", Math.floor(rounded / DAY)],
    ["hour", Math.floor((rounded % DAY) / 3_600)],
    ["minute", Math.floor((rounded % 3_600) / 60)],
    ["second", rounded % 60],
  ];
  const rounded = all > DAY ? upTo(3_600) : all > 60 ? upTo(60) : upTo(10);
  return parts(rounded).filter(([, amount]) => amount > 0);
}

/** A number of a unit in full words: `3 hours`, `3 Stunden`. */
export function inWords([unit, amount]: [Unit, number], locale: string): string {
  return numberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(amount);
}

/** What is left, in words for a screen reader; empty when nothing is. */
export function spoken(left: Remaining, locale: string): string {
  const words = spokenParts(left).map((part) => inWords(part, locale));
  return listFormat(locale, { type: "unit", style: "long" }).format(words);
}

export interface ClockPart {
  readonly unit: Unit;
  /** At least two digits, but for the first part. */
  readonly digits: string;
  /** What is counted, as short as the language has it. */
  readonly label: string;
}

/** The three parts of a clock that counts down, in the reader's digits: from days to minutes, on the last day from hours on. */
export function clockParts(left: Remaining, locale: string, width: "short" | "narrow" = "short"): ClockPart[] {
  const two = numberFormat(locale, { minimumIntegerDigits: 2, useGrouping: false });
  const faces: [Unit, number][] = [
    ["day", left.days],
    ["hour", left.hours],
    ["minute", left.minutes],
    ["second", left.seconds],
  ];
  return faces
    .slice(left.days > 0 ? 0 : 1)
    .slice(0, 3)
    .map(([unit, amount]) => ({
      unit,
      digits: two.format(amount),
      label: labelOf(unit, amount, locale, width),
    }));
}

/** In Arabic only the narrow ones leave the number alone, and in Japanese they are Latin letters. */
function labelOf(unit: Unit, amount: number, locale: string, width: "short" | "narrow"): string {
  const unitDisplay = locale === "ar" ? "narrow" : locale === "ja" ? "short" : width;
  return numberFormat(locale, { style: "unit", unit, unitDisplay })
    .formatToParts(amount)
    .filter(({ type }) => type === "unit")
    .map(({ value }) => value)
    .join("");
}
