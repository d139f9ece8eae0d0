import { useTranslation } from "react-i18next";
import { serverClock } from "@/api/clock";
import type { Sale } from "@/api/schema";
import { formatInstant } from "@/format/window";

/** When a sale that is over ended; one that was closed by its merchant did so before the time that it tells. */
export function Ended({ sale }: { sale: Sale }) {
  const { t, i18n } = useTranslation("sale");
  const early = Date.parse(sale.end) > serverClock.now();
  return early ? t("endedEarly") : t("ended", { when: formatInstant(sale.end, i18n.language) });
}
