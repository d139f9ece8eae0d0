/**
 * What the page says, from the page's own catalogue: the tests are about what happens, and a sentence may be written better
 * without breaking them.
 */
import { readFileSync } from "node:fs";
import { LANGUAGES, type Language, PARTS, type Part } from "../../src/text/languages";

const read = new Map<string, Map<string, string>>();

/** Every text of one part of a language, by its path. */
function textsOf(language: Language, part: Part): Map<string, string> {
  const name = `${language}/${part}`;
  const known = read.get(name);
  if (known) return known;
  const file = new URL(`../../src/text/${name}.json`, import.meta.url);
  const texts = new Map(flat(JSON.parse(readFileSync(file, "utf8"))));
  read.set(name, texts);
  return texts;
}

function flat(catalogue: object, path = ""): [string, string][] {
  return Object.entries(catalogue).flatMap(([key, value]): [string, string][] =>
    typeof value === "string" ? [[path + key, value]] : flat(value, `${path}${key}.`),
  );
}

type Values = Record<string, string | number>;

/** A text as a reader sees it. A `count` chooses among its plurals. */
export function say(part: Part, key: string, values: Values = {}, language: Language = "en"): string {
  const texts = textsOf(language, part);
  const kind = typeof values.count === "number" ? new Intl.PluralRules(language).select(values.count) : undefined;
  const text = texts.get(kind ? `${key}_${kind}` : key);
  if (text === undefined) throw new Error(`${language} has no ${part}:${key}`);
  return text.replace(/\{\{(\w+)\}\}/g, (_, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${part}:${key} wants ${name}`);
    return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** What stands in a text before its first number or name. */
export function beginningOf(part: Part, key: string): RegExp {
  const text = textsOf("en", part).get(key);
  if (text === undefined) throw new Error(`en has no ${part}:${key}`);
  return new RegExp(escaped(text.split("{{")[0] ?? ""));
}

/** Text as a pattern that matches just it. */
export function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** English sentences that nobody should meet in another language: what is the same in both is not among them. */
export function englishBut(language: Language): string[] {
  return PARTS.flatMap((part) => {
    const theirs = textsOf(language, part);
    const plain = [...textsOf("en", part)].filter(([key, text]) => !text.includes("{{") && theirs.get(key) !== text);
    return plain.map(([, text]) => text);
  });
}

/** An amount as the page writes it. */
export function money(amountMinor: number, language: Language = "en", currency = "EUR"): string {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(amountMinor / 100);
}

export const ALL_LANGUAGES = Object.keys(LANGUAGES) as Language[];
