import { Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useRef } from "react";
import { traceOfKey } from "@/api/trace";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { useNow } from "@/ui/use-now";
import { Refusal, Step } from "./refusal";
import { useWords } from "./use-words";
import { left } from "./when";
import type { Event } from "./wish/event";
import { mayLeave, type State } from "./wish/wish";

/** Longer than this, in milliseconds, and a shopper is told that it is under way; much longer, and why it takes so long. */
export const SAY_SO_AFTER_MS = 1_000;
const EXPLAIN_AFTER_MS = 5_000;

interface Props {
  state: State;
  tell: (event: Event) => void;
  /** Wants it anew, after a refusal; this many units. */
  again?: ((quantity?: number) => void) | undefined;
  /** What is shown when it is done. */
  done?: ReactNode;
}

/**
 * How it stands with a wish, in a live region: sentences change only with what happens, and what counts down is not read
 * out. What can be done meanwhile stands outside: it is not news, and would be read out with every sentence.
 */
export function Progress(props: Props) {
  const { state, tell } = props;
  // The region is there before it has something to say, and takes no room until then.
  return (
    <div>
      <div role="status" className="not-empty:mt-3">
        {state.is !== "idle" && <Stand {...props} />}
      </div>
      {state.is !== "idle" && state.is !== "refused" && state.is !== "done" && (
        <Steps key={state.wish.key} state={state} tell={tell} />
      )}
      {state.is === "unknown" && <Reference of={state.wish.key} />}
    </div>
  );
}

function Stand({ state, tell, again, done }: Props) {
  const { t } = useWords();
  switch (state.is) {
    case "idle":
      return null;
    case "sending":
    case "waiting":
      return <UnderWay state={state} />;
    case "unkept":
      return <Question title={t("unkept.title")} text={t("unkept.text")} />;
    case "unknown":
      return (
        <Question
          title={state.wish.unsure ? t("unknown.title") : t("unknown.nothing.title")}
          text={state.wish.unsure ? t("unknown.text") : t("unknown.nothing.text")}
        />
      );
    case "signed-out":
      return <Question title={t("no.signedOut.title")} text={t("signedOut")} />;
    case "refused":
      return (
        <Refusal
          problem={state.problem}
          again={again && (() => again())}
          fewer={again}
          keepTrying={() => tell({ is: "keep-trying" })}
        />
      );
    case "done":
      return done;
  }
}

/** What the shop's support finds every attempt by. Nobody wants it read out with the news. */
function Reference({ of }: { of: string }) {
  const { t } = useWords();
  const trace = traceOfKey(of);
  return trace === undefined ? null : (
    <p className="mt-2 text-muted text-sm">
      {t("unknown.reference")}: <bdi className="break-all font-mono">{trace}</bdi>
    </p>
  );
}

type Moving = Extract<State, { is: "sending" | "waiting" }>;
type Open = Exclude<State, { is: "idle" | "refused" | "done" }>;

/** What can be done while there is no answer. What was offered once stays, so that nobody's focus is lost with each try. */
function Steps({ state, tell }: { state: Open; tell: Props["tell"] }) {
  const { t } = useWords();
  const returnTo = useLocation({ select: ({ href }) => href });
  const offered = useRef(false);
  const may = mayLeave(state) && state.is !== "signed-out";
  if (may) offered.current = true;
  return (
    <div className="mt-2 flex flex-wrap gap-2 empty:hidden">
      {state.is === "unkept" && <Step onClick={() => tell({ is: "again" })}>{t("step.anyway")}</Step>}
      {state.is === "unknown" && <Step onClick={() => tell({ is: "again" })}>{t("step.ask")}</Step>}
      {state.is === "signed-out" && (
        <Step>
          <Link to="/sign-in" search={{ returnTo }}>
            {t("step.signIn")}
          </Link>
        </Step>
      )}
      {offered.current && (
        <Button look="plain" aria-disabled={!may} onClick={() => may && tell({ is: "leave" })}>
          {t("step.leave")}
        </Button>
      )}
    </div>
  );
}

function UnderWay({ state }: { state: Moving }) {
  const { t, locale } = useWords();
  const now = useNow();
  // What was said stays while it is sent once more: nobody wants to hear two sentences in turns.
  const saidBefore = useRef<string>(undefined);
  if (state.is === "waiting") saidBefore.current = t(`waiting.${state.pause}`);
  const elapsed = now - state.wish.askedAt;
  const usual =
    elapsed < SAY_SO_AFTER_MS ? undefined : elapsed < EXPLAIN_AFTER_MS ? t("pending.soon") : t("pending.long");
  const text = saidBefore.current ?? usual;
  if (text === undefined) return null;
  const until = state.is === "waiting" && state.pause !== "opening" ? state.until : undefined;
  return (
    <p className="rounded-xl bg-sunken p-4">
      {text}{" "}
      {until !== undefined && until - now > SAY_SO_AFTER_MS && (
        <span aria-hidden className="whitespace-nowrap text-muted tabular-nums">
          {left(until, now, locale)}
        </span>
      )}
    </p>
  );
}

function Question({ title, text }: { title: string; text: string }) {
  return (
    <Notice tone="warn" title={title} live="off">
      <p>{text}</p>
    </Notice>
  );
}
