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

/** What is left between two instants in milliseconds, in full seconds: the last one is shown until it is over. */
export function remaining(until: number, now: number): Remaining {
  const all = Math.max(0, Math.ceil((until - now) / 1_000));
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

/** The parts of a clock that counts down, in the reader's digits: days where there are some, then hours, minutes and seconds. */
export function clockParts(left: Remaining, locale: string, width: "short" | "narrow" = "short"): ClockPart[] {
  const two = numberFormat(locale, { minimumIntegerDigits: 2, useGrouping: false });
  const faces: [Unit, number][] = [
    ["hour", left.hours],
    ["minute", left.minutes],
    ["second", left.seconds],
  ];
  if (left.days > 0) faces.unshift(["day", left.days]);
  return faces.map(([unit, amount]) => ({
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
