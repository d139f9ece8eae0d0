import { CalendarClock, CreditCard, type LucideIcon, UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Sale } from "@/api/schema";
import { inWords } from "@/format/remaining";
import { formatWindow } from "@/format/window";

/** When a sale is, how one pays, and how much one person can have. */
export function SaleFacts({ sale }: { sale: Sale }) {
  const { t, i18n } = useTranslation("sale");
  const { payment, holdSeconds, perCustomer, guestsAllowed } = sale;
  const hold = holdSeconds === undefined ? "" : t("facts.hold", { time: holdInWords(holdSeconds, i18n.language) });
  const rules = [
    perCustomer === undefined ? "" : t("facts.perCustomer", { count: perCustomer }),
    guestsAllowed ? t("facts.guests") : "",
  ];
  return (
    <dl className="grid gap-x-8 gap-y-4 sm:grid-cols-2 lg:grid-cols-3">
      <Fact icon={CalendarClock} name={t("facts.when")}>
        {formatWindow(sale.start, sale.end, i18n.language)}
      </Fact>
      <Fact icon={CreditCard} name={t("facts.payment")}>
        {[t(`payment.${payment}`), hold].filter(Boolean).join(" ")}
      </Fact>
      {rules.some(Boolean) && (
        <Fact icon={UserRound} name={t("facts.rules")}>
          {rules.filter(Boolean).join(" ")}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ icon: Icon, name, children }: { icon: LucideIcon; name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="flex items-center gap-3 font-medium text-muted text-sm">
        <Icon aria-hidden className="size-5 shrink-0 text-accent" />
        {name}
      </dt>
      <dd className="ps-8">{children}</dd>
    </div>
  );
}

function holdInWords(seconds: number, locale: string): string {
  return seconds % 60 === 0 ? inWords(["minute", seconds / 60], locale) : inWords(["second", seconds], locale);
}
