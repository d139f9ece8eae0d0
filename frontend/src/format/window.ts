import { dateFormat } from "./formats";

/** A time from and to, in the reader's language and zone: `14. März 2027, 10:00–11:00 MEZ`. */
export function formatWindow(start: string, end: string, locale: string): string {
  return formatOf(locale).formatRange(Date.parse(start), Date.parse(end));
}

/** An instant, in the reader's language and zone. */
export function formatInstant(instant: string, locale: string): string {
  return formatOf(locale).format(Date.parse(instant));
}

/** A time of today, to the second: `18:05:30`. */
export function formatTime(instant: string, locale: string): string {
  return dateFormat(locale, { timeStyle: "medium" }).format(Date.parse(instant));
}

function formatOf(locale: string): Intl.DateTimeFormat {
  return dateFormat(locale, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
    timeZoneName: "short",
  });
}
