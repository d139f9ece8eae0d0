import { Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useRef } from "react";
import { Notice } from "@/ui/notice";
import { useNow } from "@/ui/use-now";
import { Refusal, Step } from "./refusal";
import { useWords } from "./use-words";
import { left } from "./when";
import { type Event, mayLeave, type State } from "./wish/wish";

/** Longer than this, in milliseconds, and a shopper is told that it is under way; much longer, and why it takes so long. */
const SAY_SO_AFTER_MS = 1_000;
const EXPLAIN_AFTER_MS = 5_000;

interface Props {
  state: State;
  tell: (event: Event) => void;
  /** Wants it anew, after a refusal; this many units. */
  again?: ((quantity?: number) => void) | undefined;
  /** What is shown when it is done. */
  done?: ReactNode;
}

/** How it stands with a wish, in a live region: sentences change only with what happens, and what counts down is not read out. */
export function Progress(props: Props) {
  // The region is there before it has something to say, and takes no room until then.
  return (
    <div role="status" className="not-empty:mt-3">
      {props.state.is !== "idle" && <Stand {...props} />}
    </div>
  );
}

function Stand({ state, tell, again, done }: Props) {
  const { t } = useWords();
  const returnTo = useLocation({ select: ({ href }) => href });
  const leave = mayLeave(state) && <Step onClick={() => tell({ is: "leave" })}>{t("step.leave")}</Step>;
  switch (state.is) {
    case "idle":
      return null;
    case "sending":
    case "waiting":
      return <UnderWay state={state} leave={leave} />;
    case "unkept":
      return (
        <Question tone="warn" title={t("unkept.title")} text={t("unkept.text")}>
          <Step onClick={() => tell({ is: "again" })}>{t("step.anyway")}</Step>
          {leave}
        </Question>
      );
    case "unknown":
      return (
        <Question
          tone="warn"
          title={state.wish.unsure ? t("unknown.title") : t("no.busy.title")}
          text={state.wish.unsure ? t("unknown.text") : t("unknown.busy")}
        >
          <Step onClick={() => tell({ is: "again" })}>{t("step.ask")}</Step>
          {leave}
        </Question>
      );
    case "signed-out":
      return (
        <Question tone="warn" title={t("no.signedOut.title")} text={t("signedOut")}>
          <Step>
            <Link to="/sign-in" search={{ returnTo }}>
              {t("step.signIn")}
            </Link>
          </Step>
        </Question>
      );
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

type Moving = Extract<State, { is: "sending" | "waiting" }>;

function UnderWay({ state, leave }: { state: Moving; leave: ReactNode }) {
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
    <div className="space-y-2 rounded-xl bg-sunken p-4">
      <p>
        {text}{" "}
        {until !== undefined && until - now > SAY_SO_AFTER_MS && (
          <span aria-hidden className="whitespace-nowrap text-muted tabular-nums">
            {left(until, now, locale)}
          </span>
        )}
      </p>
      {state.is === "waiting" && leave}
    </div>
  );
}

interface QuestionProps {
  tone: "warn" | "good";
  title: string;
  text: string;
  children: ReactNode;
}

function Question({ tone, title, text, children }: QuestionProps) {
  return (
    <Notice tone={tone} title={title} live="off">
      <p>{text}</p>
      <div className="flex flex-wrap gap-2">{children}</div>
    </Notice>
  );
}
