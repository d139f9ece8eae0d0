import { describe, expect, it } from "vitest";
import en from "./en";
import { chooseLanguage, LANGUAGES, type Language, localeOf, PARTS } from "./languages";

const catalogues = import.meta.glob<object>("./*/index.ts", { import: "default", eager: true });
const PLURAL = /_(zero|one|two|few|many|other)$/;

/** Every text of a catalogue by its path. */
function texts(catalogue: object, path = ""): Map<string, string> {
  const entries = Object.entries(catalogue).flatMap(([key, value]): [string, string][] =>
    typeof value === "string" ? [[path + key, value]] : [...texts(value, `${path}${key}.`)],
  );
  return new Map(entries);
}

function catalogue(language: Language): Map<string, string> {
  return texts(catalogues[`./${language}/index.ts`] ?? {});
}

const placeholders = (text: string) => new Set(text.match(/\{\{[^}]*\}\}|<\/?\w+\/?>/g));
const english = texts(en);
const plurals = new Set([...english.keys()].filter((key) => PLURAL.test(key)).map((key) => key.replace(PLURAL, "")));

/** What a language must have: of a text with a number, one for each kind of number that it tells apart. */
function expected(language: Language): string[] {
  const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
  const plain = [...english.keys()].filter((key) => !plurals.has(key.replace(PLURAL, "")));
  return [...plain, ...[...plurals].flatMap((key) => pluralCategories.map((kind) => `${key}_${kind}`))].sort();
}

describe.each(Object.keys(LANGUAGES) as Language[])("the catalogue of %s", (language) => {
  it("has every text, and no other", () => {
    expect([...catalogue(language).keys()].sort()).toEqual(expected(language));
  });

  it("is never empty", () => {
    expect([...catalogue(language)].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  it("fills in the same numbers and names", () => {
    for (const [key, text] of catalogue(language)) {
      const plural = plurals.has(key.replace(PLURAL, ""));
      const source = english.get(key) ?? english.get(key.replace(PLURAL, "_other")) ?? "";
      // "One unit" needs no number.
      const wanted = plural
        ? [...placeholders(source)].filter((name) => name !== "{{count}}")
        : [...placeholders(source)];
      expect([...placeholders(text)].filter((name) => !plural || name !== "{{count}}").sort(), key).toEqual(
        wanted.sort(),
      );
    }
  });

  it("has the parts that exist", () => {
    expect(Object.keys(catalogues[`./${language}/index.ts`] ?? {}).sort()).toEqual([...PARTS].sort());
  });
});

describe("the language", () => {
  it("is what the reader chose, else the first that they want and we have, else English", () => {
    expect(chooseLanguage("ja", ["de-AT"])).toBe("ja");
    expect(chooseLanguage(null, ["fr-FR", "de-AT", "en"])).toBe("de");
    expect(chooseLanguage("tlh", ["fr"])).toBe("en");
  });
});

describe("the locale", () => {
  it("is the reader's region of the language that is shown", () => {
    expect(localeOf("en", ["de-AT", "en-GB", "en"])).toBe("en-GB");
    expect(localeOf("de", ["en-GB", "de"])).toBe("de");
    expect(localeOf("ar", ["AR-eg"])).toBe("AR-eg");
  });
});
