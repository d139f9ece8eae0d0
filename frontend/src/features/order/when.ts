/** Times as a reader writes them. All that is asked of the clock is the server's. */
import { dateFormat, numberFormat } from "@/format/formats";

const HALF_A_DAY_MS = 12 * 3_600_000;

/** An instant near `now` by its time alone, to the second; one that is further off with its day. */
export function instant(at: string | number, now: number, locale: string): string {
  const ms = typeof at === "number" ? at : Date.parse(at);
  const near = Math.abs(ms - now) < HALF_A_DAY_MS;
  return dateFormat(locale, near ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" }).format(ms);
}

/** Day and time, for receipts. */
export function dayAndTime(at: string, locale: string): string {
  return dateFormat(locale, { dateStyle: "long", timeStyle: "medium" }).format(Date.parse(at));
}

/** What is left until an instant, as a clock counts down: `4:05`, `1:04:05`; nothing is less than no time. */
export function left(until: number, now: number, locale: string): string {
  const seconds = Math.max(0, Math.ceil((until - now) / 1_000));
  const digits = (value: number, least: number) =>
    numberFormat(locale, { minimumIntegerDigits: least, useGrouping: false }).format(value);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const parts = [digits(minutes, hours > 0 ? 2 : 1), digits(seconds % 60, 2)];
  return (hours > 0 ? [digits(hours, 1), ...parts] : parts).join(":");
}
