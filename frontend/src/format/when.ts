const formats = new Map<string, Intl.DateTimeFormat>();

/** A moment as the reader writes it, in their own time zone: `14 Mar 2027, 13:00`. */
export function formatWhen(at: string, locale: string): string {
  let format = formats.get(locale);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
    formats.set(locale, format);
  }
  return format.format(new Date(at));
}
