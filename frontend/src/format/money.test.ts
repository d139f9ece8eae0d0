import { describe, expect, it } from "vitest";
import { formatMoney } from "./money";

/** Some locales separate with spaces that do not break; which ones is the library's business. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ").replace(/[\u200e\u200f\u061c]/g, "");

describe("money", () => {
  it("is written as the reader writes it", () => {
    const price = { amountMinor: 12_900, currency: "EUR" };
    expect(plain(formatMoney(price, "en"))).toBe("€129.00");
    expect(plain(formatMoney(price, "de"))).toBe("129,00 €");
    expect(plain(formatMoney(price, "es"))).toBe("129,00 €");
  });

  it("has as many digits as its currency", () => {
    expect(plain(formatMoney({ amountMinor: 12_900, currency: "JPY" }, "en"))).toBe("¥12,900");
    expect(plain(formatMoney({ amountMinor: 12_900, currency: "BHD" }, "en"))).toBe("BHD 12.900");
    expect(plain(formatMoney({ amountMinor: 5, currency: "USD" }, "en"))).toBe("$0.05");
    expect(plain(formatMoney({ amountMinor: -5, currency: "USD" }, "en"))).toBe("-$0.05");
    expect(plain(formatMoney({ amountMinor: 0, currency: "JPY" }, "en"))).toBe("¥0");
  });

  it("is worth what ISO 4217 says, however few digits people like to see", () => {
    const written = (currency: string) => plain(formatMoney({ amountMinor: 1_234_567, currency }, "en"));
    expect(written("EUR")).toBe("€12,345.67");
    expect(written("HUF")).toBe("HUF 12,345.67");
    expect(written("IDR")).toBe("IDR 12,345.67");
    expect(written("IQD")).toBe("IQD 1,234.567");
    expect(written("BHD")).toBe("BHD 1,234.567");
    expect(written("JPY")).toBe("¥1,234,567");
    expect(written("CLF")).toBe("CLF 123.4567");
  });

  it("is exact where a binary fraction would not be", () => {
    const most = { amountMinor: Number.MAX_SAFE_INTEGER, currency: "USD" };
    expect(plain(formatMoney(most, "en"))).toBe("$90,071,992,547,409.91");
  });
});
