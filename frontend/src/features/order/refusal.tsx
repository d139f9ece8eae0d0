import { Link, useLocation } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { is } from "@/api/problem";
import type { Problem } from "@/api/schema";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { type Next, said } from "./refusal-words";
import { useWords } from "./use-words";

interface Props {
  problem: Problem;
  /** What can be done about it here; steps without one are not offered. */
  again?: (() => void) | undefined;
  keepTrying?: (() => void) | undefined;
  fewer?: ((quantity: number) => void) | undefined;
}

/** A refusal, and what can be done next. Whoever shows it has a live region around it. */
export function Refusal({ problem, again, keepTrying, fewer }: Props) {
  const words = useWords();
  const { t } = words;
  const returnTo = useLocation({ select: ({ href }) => href });
  const { tone, title, text, next } = said(problem, words);
  const steps: Record<Next, ReactNode> = {
    again: again && <Step onClick={again}>{t("step.again")}</Step>,
    "keep-trying": keepTrying && <Step onClick={keepTrying}>{t("step.keepTrying")}</Step>,
    fewer: fewer && is(problem, "fewer-left") && (
      <Step onClick={() => fewer(problem.left)}>{t("step.fewer", { left: problem.left })}</Step>
    ),
    orders: (
      <Step>
        <Link to="/orders">{t("step.orders")}</Link>
      </Step>
    ),
    account: (
      <Step>
        <Link to="/account">{t("step.account")}</Link>
      </Step>
    ),
    "sign-in": (
      <Step>
        <Link to="/sign-in" search={{ returnTo }}>
          {t("step.signIn")}
        </Link>
      </Step>
    ),
  };
  return (
    <Notice tone={tone} title={title} live="off">
      {text && <p>{text}</p>}
      <div className="flex flex-wrap gap-2 empty:hidden">
        {next.map((step) => steps[step] && <span key={step}>{steps[step]}</span>)}
      </div>
    </Notice>
  );
}

/** One thing to do: a button, or a link that looks like one. */
export function Step({ onClick, children }: { onClick?: () => void; children: ReactNode }) {
  return onClick ? (
    <Button look="plain" onClick={onClick}>
      {children}
    </Button>
  ) : (
    <Button look="plain" asChild>
      {children}
    </Button>
  );
}
