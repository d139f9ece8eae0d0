import i18next from "i18next";
import { describe, expect, it } from "vitest";
import { numbersOfReaders } from "./text";

describe("a number in a text", () => {
  it("is written as its readers write it, and chooses the plural all the same", async () => {
    const text = i18next.createInstance().use(numbersOfReaders);
    await text.init({
      lng: "de",
      interpolation: { escapeValue: false, alwaysFormat: true },
      resources: { de: { translation: { left_one: "nur {{count}}", left_other: "noch {{count}}", name: "{{name}}" } } },
    });
    const t: (key: string, values: object) => string = text.getFixedT("de") as never;
    expect(t("left", { count: 12_000 })).toBe("noch 12.000");
    expect(t("left", { count: 1 })).toBe("nur 1");
    expect(t("name", { name: "Aurora 1000" })).toBe("Aurora 1000");
  });
});
