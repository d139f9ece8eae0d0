import type { Money } from "@/api/schema";
import { numberFormat } from "./formats";

/**
 * Digits of the minor unit by ISO 4217, where they are not two. The browser's own table is no substitute: it tells how people
 * like to see a price, and so drops the digits of a forint that the amounts here are counted in.
 */
const DIGITS = new Map(
  [
    { digits: 0, of: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF" },
    { digits: 3, of: "BHD IQD JOD KWD LYD OMR TND" },
    { digits: 4, of: "CLF UYW" },
  ].flatMap(({ digits, of }) => of.split(" ").map((currency) => [currency, digits] as const)),
);

/**
 * Money as the reader writes it: `129,00 €`, `$129.00`, `￥12,900`.
 *
 * The amount is in minor units of ISO 4217, of which a currency has 0 to 4 digits; all of them are shown. It is written as a
 * decimal string first, so no sum is ever rounded through a binary fraction.
 */
export function formatMoney({ amountMinor, currency }: Money, locale: string): string {
  const digits = DIGITS.get(currency) ?? 2;
  const format = numberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  const all = Math.abs(amountMinor)
    .toString()
    .padStart(digits + 1, "0");
  const whole = all.slice(0, all.length - digits);
  const decimal = `${amountMinor < 0 ? "-" : ""}${whole}${digits > 0 ? `.${all.slice(-digits)}` : ""}`;
  return format.format(decimal as `${number}`);
}
