import { useTranslation } from "react-i18next";
import { serverClock } from "@/api/clock";
import { formatMoney } from "@/format/money";
import { formatWait } from "@/format/wait";
import type { Words } from "./refusal-words";
import { instant } from "./when";

/** How this reader is told numbers, money and times. */
export function useWords(): Words & { locale: string } {
  const { t, i18n } = useTranslation("order");
  const locale = i18n.language;
  return {
    t,
    locale,
    money: (money) => formatMoney(money, locale),
    instant: (at) => instant(at, serverClock.now(), locale),
    seconds: (seconds) => formatWait(seconds, locale),
  };
}
