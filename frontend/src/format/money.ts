import type { Money } from "@/api/schema";
import { numberFormat } from "./formats";

/**
 * Money as the reader writes it: `129,00 €`, `$129.00`, `￥12,900`.
 *
 * The amount is in minor units of ISO 4217, of which a currency has 0 to 4 digits. It is written as a decimal string
 * first, so no sum is ever rounded through a binary fraction.
 */
export function formatMoney({ amountMinor, currency }: Money, locale: string): string {
  const format = numberFormat(locale, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const all = Math.abs(amountMinor)
    .toString()
    .padStart(digits + 1, "0");
  const whole = all.slice(0, all.length - digits);
  const decimal = `${amountMinor < 0 ? "-" : ""}${whole}${digits > 0 ? `.${all.slice(-digits)}` : ""}`;
  return format.format(decimal as `${number}`);
}
