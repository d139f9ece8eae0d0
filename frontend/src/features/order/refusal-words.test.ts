import i18next from "i18next";
import { beforeAll, describe, expect, it } from "vitest";
import type { Limit, Problem } from "@/api/schema";
import { LANGUAGES } from "@/text/languages";
import { numbersOfReaders } from "@/text/text";
import document from "../../../openapi.json";
import { said, type Words } from "./refusal-words";

const catalogues = import.meta.glob<{ order: object }>("../../text/*/index.ts", { import: "default", eager: true });

/** One of each, as the API's own document shows it. */
const examples: Problem[] = Object.entries(document.components.schemas as Record<string, { examples?: unknown[] }>)
  .filter(([name]) => name.endsWith("Problem") && name !== "Problem")
  .map(([, schema]) => schema.examples?.[0] as Problem);

const limits: Limit[] = [
  { which: "order", limit: 2, asked: 3 },
  { which: "item", limit: 2, asked: 1, has: 2 },
  { which: "sale", limit: 4, asked: 3, has: 2 },
  { which: "orders", limit: 64 },
];
const reached = examples.find(({ type }) => type.endsWith("/limit-reached"));
const all = [...examples, ...limits.map((limit) => ({ ...reached, limit }) as Problem)];

function words(language: string): Words {
  return {
    t: i18next.getFixedT(language, "order"),
    money: ({ amountMinor, currency }) => `${amountMinor / 100} ${currency}`,
    instant: (at) => at.slice(11, 16),
    seconds: (seconds) => `${seconds} s`,
  };
}

beforeAll(async () => {
  await i18next
    .use(numbersOfReaders)
    .init({ resources: {}, interpolation: { escapeValue: false, alwaysFormat: true } });
  for (const language of Object.keys(LANGUAGES)) {
    i18next.addResourceBundle(language, "order", catalogues[`../../text/${language}/index.ts`]?.order);
  }
});

describe.each(Object.keys(LANGUAGES))("refusals in %s", (language) => {
  it("are whole sentences with their numbers", () => {
    expect(all.length).toBeGreaterThan(25);
    for (const problem of all) {
      const { title, text } = said(problem, words(language));
      for (const sentence of [title, text ?? title]) {
        expect(sentence, problem.type).not.toMatch(/\{\{|undefined|^no\.|^released\./);
        expect(sentence.length, problem.type).toBeGreaterThan(2);
      }
    }
  });
});

describe("a refusal", () => {
  const of = (name: string) => all.find(({ type }) => type.endsWith(`/${name}`)) as Problem;
  const inEnglish = (name: string) => said(of(name), words("en"));

  it("says what can be done next", () => {
    expect(inEnglish("fewer-left").next).toEqual(["fewer"]);
    expect(inEnglish("all-units-held").next).toEqual(["keep-trying"]);
    expect(inEnglish("insufficient-funds").next).toEqual(["again", "account"]);
    expect(inEnglish("sold-out").next).toEqual([]);
  });

  it("has its numbers", () => {
    expect(inEnglish("fewer-left").title).toBe("Only 1 left");
    expect(inEnglish("not-open-yet").text).toContain("08:00");
    expect(inEnglish("insufficient-funds").text).toContain("129 EUR");
    expect(said({ ...reached, limit: limits[1] } as Problem, words("en")).text).toBe(
      "Most of this per person: 2. You already have 2.",
    );
  });

  it("that nobody knew of speaks for itself", () => {
    const strange = { type: "https://sluice.dev/problems/made-up-tomorrow", detail: "Come back on Monday." };
    expect(said(strange as unknown as Problem, words("en")).text).toBe("Come back on Monday.");
  });
});
