import { numberFormat } from "./formats";

/** A short while in words, rounded up so that nobody comes back too early: `42 seconds`, `3 minutes`. */
export function formatWait(seconds: number, locale: string): string {
  const [value, unit] = seconds <= 90 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  return numberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(value);
}
