import { dateFormat } from "./formats";

/** A moment as the reader writes it, in their own time zone: `14 Mar 2027, 13:00`. */
export function formatWhen(at: string, locale: string): string {
  return dateFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}
