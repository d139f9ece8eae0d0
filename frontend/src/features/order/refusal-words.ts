/** Every refusal in plain words, with its numbers, and what can be done next. The compiler tells when one is added. */
import type { TFunction } from "i18next";
import { nameOf, type ProblemName, type ProblemOf } from "@/api/problem";
import type { Money, Problem } from "@/api/schema";
import type { Tone } from "@/ui/badge";

/** What can be done next; whoever shows it knows how. */
export type Next = "again" | "keep-trying" | "fewer" | "orders" | "account" | "sign-in";

export interface Said {
  readonly tone: Extract<Tone, "neutral" | "warn" | "bad">;
  readonly title: string;
  readonly text?: string;
  readonly next: readonly Next[];
}

/** How numbers, money and times are written for this reader. */
export interface Words {
  readonly t: TFunction<"order">;
  readonly money: (money: Money) => string;
  readonly instant: (at: string) => string;
  readonly seconds: (seconds: number) => string;
}

type Views = { [Name in ProblemName]: (problem: ProblemOf<Name>, words: Words) => Said };

const VIEWS: Views = {
  "not-open-yet": ({ opensAt }, { t, instant }) => ({
    tone: "neutral",
    title: t("no.notOpenYet.title"),
    text: t("no.notOpenYet.text", { at: instant(opensAt) }),
    next: [],
  }),
  "sale-closed": ({ closedAt }, { t, instant }) => ({
    tone: "neutral",
    title: t("no.saleClosed.title"),
    text: closedAt ? t("no.saleClosed.at", { at: instant(closedAt) }) : t("no.saleClosed.text"),
    next: [],
  }),
  "sale-paused": (_, { t }) => ({
    tone: "neutral",
    title: t("no.salePaused.title"),
    text: t("no.salePaused.text"),
    next: ["keep-trying"],
  }),
  "sold-out": (_, { t }) => ({
    tone: "neutral",
    title: t("no.soldOut.title"),
    text: t("no.soldOut.text"),
    next: [],
  }),
  "all-units-held": ({ held, nextExpiry }, { t, instant }) => ({
    tone: "warn",
    title: t("no.allHeld.title"),
    text: nextExpiry ? t("no.allHeld.at", { held, at: instant(nextExpiry) }) : t("no.allHeld.text", { held }),
    next: ["keep-trying"],
  }),
  "fewer-left": ({ left, asked }, { t }) => ({
    tone: "warn",
    title: t("no.fewer.title", { left }),
    text: t("no.fewer.text", { asked }),
    next: left > 0 ? ["fewer"] : ["again"],
  }),
  "limit-reached": ({ limit }, { t }) => {
    const title = t("no.limit.title");
    const most = { limit: limit.limit };
    switch (limit.which) {
      case "order":
        return { tone: "neutral", title, text: t("no.limit.order", most), next: [] };
      case "orders":
        return { tone: "neutral", title, text: t("no.limit.orders", most), next: ["orders"] };
      case "item":
      case "sale": {
        const has = t("no.limit.has", { has: limit.has });
        return { tone: "neutral", title, text: `${t(`no.limit.${limit.which}`, most)} ${has}`, next: ["orders"] };
      }
    }
  },
  busy: (_, { t }) => ({ tone: "warn", title: t("no.busy.title"), text: t("no.busy.text"), next: ["again"] }),
  "rate-limited": ({ retryAfterSeconds }, { t, seconds }) => ({
    tone: "warn",
    title: t("no.limited.title"),
    text: t("no.limited.text", { wait: seconds(retryAfterSeconds) }),
    next: ["again"],
  }),
  "timed-out": (_, { t }) => ({
    tone: "warn",
    title: t("no.unsure.title"),
    text: t("no.unsure.text"),
    next: ["again"],
  }),
  internal: (_, { t }) => ({ tone: "warn", title: t("no.unsure.title"), text: t("no.unsure.text"), next: ["again"] }),
  "not-signed-in": (_, { t }) => ({ tone: "warn", title: t("no.signedOut.title"), next: ["sign-in"] }),
  forbidden: (_, { t }) => ({
    tone: "warn",
    title: t("no.forbidden.title"),
    text: t("no.forbidden.text"),
    next: ["sign-in"],
  }),
  "not-found": (_, { t }) => ({
    tone: "neutral",
    title: t("no.notFound.title"),
    text: t("no.notFound.text"),
    next: [],
  }),
  "hold-expired": ({ expiredAt }, { t, instant }) => ({
    tone: "warn",
    title: t("no.holdExpired.title"),
    text: expiredAt ? t("no.holdExpired.at", { at: instant(expiredAt) }) : t("no.holdExpired.text"),
    next: [],
  }),
  "already-paid": (_, { t }) => ({ tone: "neutral", title: t("no.alreadyPaid.title"), next: [] }),
  "order-released": ({ reason }, { t }) => ({
    tone: "warn",
    title: t("no.released.title"),
    text: t(`released.${reason}`),
    next: [],
  }),
  "insufficient-funds": ({ balance, needed }, { t, money }) => ({
    tone: "warn",
    title: t("no.funds.title"),
    text: t("no.funds.text", { balance: money(balance), needed: money(needed) }),
    next: ["again", "account"],
  }),
  "payment-declined": (_, { t }) => ({
    tone: "warn",
    title: t("no.declined.title"),
    text: t("no.declined.text"),
    next: ["again"],
  }),
  "idempotency-key-reused": (_, { t }) => ({
    tone: "warn",
    title: t("no.reused.title"),
    text: t("no.reused.text"),
    next: ["orders", "again"],
  }),
  // What this page never brings about by itself: the shop's own sentence says what it is.
  "account-exists": (problem, words) => asIs(problem, words),
  "idempotency-key-required": (problem, words) => asIs(problem, words),
  "invalid-request": (problem, words) => asIs(problem, words),
  "method-not-allowed": (problem, words) => asIs(problem, words),
};

const asIs = ({ detail }: Problem, { t }: Words): Said => ({
  tone: "bad",
  title: t("no.other.title"),
  text: detail,
  next: [],
});

/** A refusal in words; one that a newer edge made up in the shop's own. */
export function said(problem: Problem, words: Words): Said {
  const view = VIEWS[nameOf(problem)] as ((problem: Problem, words: Words) => Said) | undefined;
  return (view ?? asIs)(problem, words);
}
