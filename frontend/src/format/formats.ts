/**
 * The browser's own formats, each made once: to make one takes as long as to write a hundred numbers by it, and a page that
 * counts down writes some every second.
 */
const made = new Map<string, unknown>();

function once<Format>(kind: string, locale: string, options: object, make: () => Format): Format {
  const name = `${kind} ${locale} ${JSON.stringify(options)}`;
  let format = made.get(name) as Format | undefined;
  if (format === undefined) {
    format = make();
    made.set(name, format);
  }
  return format;
}

export function numberFormat(locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  return once("number", locale, options, () => new Intl.NumberFormat(locale, options));
}

export function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return once("date", locale, options, () => new Intl.DateTimeFormat(locale, options));
}

export function listFormat(locale: string, options: Intl.ListFormatOptions): Intl.ListFormat {
  return once("list", locale, options, () => new Intl.ListFormat(locale, options));
}
