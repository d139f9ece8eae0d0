/** Languages of the page, each called as its readers call it. */
export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  ja: "日本語",
  ar: "العربية",
} as const;

export type Language = keyof typeof LANGUAGES;

/** Parts of the catalogue: one file of each language per feature. */
export const PARTS = ["common", "sale", "order", "account", "merchant"] as const;

export type Part = (typeof PARTS)[number];

const RIGHT_TO_LEFT: ReadonlySet<Language> = new Set(["ar"]);

export function isLanguage(text: unknown): text is Language {
  return typeof text === "string" && Object.hasOwn(LANGUAGES, text);
}

export function directionOf(language: Language): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
}

/** The first language that the reader wants and we have: what they chose here, else what their browser says. */
export function chooseLanguage(chosen: string | null, wanted: readonly string[]): Language {
  if (isLanguage(chosen)) return chosen;
  const found = wanted.map((tag) => tag.split("-")[0]?.toLowerCase()).find(isLanguage);
  return found ?? "en";
}

/**
 * How the reader of a language writes numbers, times and money: as in the region that their browser names with it, such as
 * `en-GB`, else as its readers do on the whole.
 */
export function localeOf(language: Language, wanted: readonly string[]): string {
  return wanted.find((tag) => tag.toLowerCase().startsWith(`${language}-`)) ?? language;
}
