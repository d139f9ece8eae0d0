/**
 * Every word of the page.
 *
 * A language is loaded when it is first wanted, all of it at once, so nobody downloads four others. There is no fallback
 * language: a test says when a catalogue lacks a text, so none is ever shown half translated.
 */
import i18next, { type FormatterModule, type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import { chooseLanguage, directionOf, isLanguage, type Language } from "./languages";

const CHOSEN = "sluice.language";

const catalogues = import.meta.glob<Record<string, object>>("./*/index.ts", { import: "default" });

async function load(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "common")) return;
  const catalogue = await catalogues[`./${language}/index.ts`]?.();
  for (const [part, texts] of Object.entries(catalogue ?? {})) i18next.addResourceBundle(language, part, texts);
}

function show(language: Language): void {
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
}

/** Writes every number of a text as its readers do: `1.000`, `1,000`; what the plural is chosen by stays a number. */
export const numbersOfReaders: FormatterModule = {
  type: "formatter",
  init() {},
  add() {},
  addCached() {},
  format: (value: unknown, _format, language) =>
    typeof value === "number" ? new Intl.NumberFormat(language).format(value) : (value as string),
};

/** Loads the reader's language; nothing can be drawn before. */
export async function startText(): Promise<i18n> {
  const language = chooseLanguage(localStorage.getItem(CHOSEN), navigator.languages);
  await i18next
    .use(numbersOfReaders)
    .use(initReactI18next)
    .init({
      lng: language,
      defaultNS: "common",
      resources: {},
      // React escapes what it draws.
      interpolation: { escapeValue: false, alwaysFormat: true },
      react: { useSuspense: false },
    });
  await load(language);
  show(language);
  return i18next;
}

/** Shows the page in another language from now on, here and in other tabs that are opened later. */
export async function speak(language: Language): Promise<void> {
  await load(language);
  await i18next.changeLanguage(language);
  show(language);
  localStorage.setItem(CHOSEN, language);
}

/** The language that is shown. */
export function language(): Language {
  return isLanguage(i18next.language) ? i18next.language : "en";
}
