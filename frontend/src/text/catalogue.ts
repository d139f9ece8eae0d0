/** Where the words of a language lie, and which language it is: known before there is anything that could show them. */
import { recalled, remember } from "@/api/remembered";
import { chooseLanguage, type Language, type Part } from "./languages";

const CHOSEN = "sluice.language";

/** What every page needs, whichever it is. */
export const FIRST_PARTS: readonly Part[] = ["common", "sale"];

const catalogue = import.meta.glob<object>("./*/*.json", { import: "default" });

/** The words of a part; a browser that has them does not load them again. */
export async function words(language: Language, part: Part): Promise<object | undefined> {
  return await catalogue[`./${language}/${part}.json`]?.();
}

/** The reader's language: what they chose here, else what their browser says. */
export function chosenLanguage(): Language {
  return chooseLanguage(recalled(CHOSEN), navigator.languages);
}

export function rememberLanguage(language: Language): void {
  remember(CHOSEN, language);
}
