/**
 * Every word of the page.
 *
 * A part of a language is loaded when it is first wanted, so nobody downloads four other languages, or what merchants read.
 * There is no fallback language: a test says when a catalogue lacks a text, so none is ever shown half translated.
 */
import i18next, { type FormatterModule, type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import { numberFormat } from "@/format/formats";
import { chosenLanguage, FIRST_PARTS, rememberLanguage, words } from "./catalogue";
import { directionOf, isLanguage, type Language, localeOf, type Part } from "./languages";

/** What has been wanted so far: another language needs the same. */
const wanted = new Set<Part>(FIRST_PARTS);

async function load(language: Language): Promise<void> {
  const missing = [...wanted].filter((part) => !i18next.hasResourceBundle(language, part));
  const load = async (part: Part) => i18next.addResourceBundle(language, part, await words(language, part));
  await Promise.all(missing.map(load));
}

/** Loads a part of the catalogue that a page needs, in the language that is shown. */
export async function need(part: Part): Promise<void> {
  wanted.add(part);
  // Before the page has started its language is not known; what is wanted by then comes with it.
  if (i18next.isInitialized) await load(language());
  else await started;
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
  format: (value: unknown, _format, spoken = "en") => {
    if (typeof value !== "number") return value as string;
    // It is told the language of the words; the region is the reader's.
    const locale = i18next.language?.startsWith(`${spoken}-`) ? i18next.language : spoken;
    return numberFormat(locale).format(value);
  },
};

let begin: () => void;
const started = new Promise<void>((resolve) => {
  begin = resolve;
});

/** Loads the reader's language; nothing can be drawn before. */
export async function startText(): Promise<i18n> {
  const language = chosenLanguage();
  await i18next
    .use(numbersOfReaders)
    .use(initReactI18next)
    .init({
      lng: localeOf(language, navigator.languages),
      // Words are of a language, whatever its region; `i18n.language` is the reader's locale.
      load: "languageOnly",
      defaultNS: "common",
      resources: {},
      // React escapes what it draws.
      interpolation: { escapeValue: false, alwaysFormat: true },
      react: { useSuspense: false },
    });
  await load(language);
  show(language);
  begin();
  return i18next;
}

/** Shows the page in another language from now on, here and in other tabs that are opened later. */
export async function speak(language: Language): Promise<void> {
  await load(language);
  await i18next.changeLanguage(localeOf(language, navigator.languages));
  show(language);
  rememberLanguage(language);
}

/** The language that is shown. */
export function language(): Language {
  const [language] = i18next.language.split("-");
  return isLanguage(language) ? language : "en";
}
