/**
 * What a shopper wants, and what became of it.
 *
 * **What must always hold.** A wish has its key before it is sent first, and keeps it until there is a definite answer: an
 * order, or a refusal under which nothing was taken. Whatever goes wrong in between, the same wish is sent again with the
 * same key, so it comes true at most once. No answer is never taken for a no.
 *
 * Everything here is pure: an event and the time go in, the next state comes out. Who sends, stores and waits only looks at
 * the state.
 */
import { is } from "@/api/problem";
import { pauseMs } from "@/api/queries";
import type { Order, Problem } from "@/api/schema";
import type { Event } from "./event";
import { lookAgainAfterMs, meaningOf } from "./meaning";

/** What is wanted: units of an item, or something of an order that is held. */
export type Deed =
  | { readonly to: "buy"; readonly sale: string; readonly sku: string; readonly quantity: number }
  | { readonly to: "pay" | "cancel"; readonly sale: string; readonly order: string };

export interface Wish {
  readonly deed: Deed;
  /** Made once for this wish: all that it is known by. */
  readonly key: string;
  /** Whose wish it is; nobody else ever sends it. */
  readonly customer: string;
  /** When it can come true no more, in milliseconds by the server's clock: the sale's end, the hold's deadline. */
  readonly ends: number;
  /** When the shopper asked for it last, by the server's clock. */
  readonly askedAt: number;
  /** How often it was sent since then. */
  readonly tries: number;
  /** Whether it may have come true unseen: an attempt had no answer. */
  readonly unsure: boolean;
  /** Whether the shopper wants it to be tried again when the shop says that this may help. */
  readonly patient: boolean;
  /** Whether it is old and was asked about once more. */
  readonly last: boolean;
}

/** Why a wish is not being sent right now. */
export type Pause = "busy" | "unanswered" | "limited" | "offline" | "opening" | "patient";

export type State =
  | { readonly is: "idle" }
  /** This browser stores nothing: the shopper decides. */
  | { readonly is: "unkept"; readonly wish: Wish }
  | { readonly is: "sending"; readonly wish: Wish }
  /** It is sent again at `until`, by the server's clock; `undefined`: when the network is back. */
  | {
      readonly is: "waiting";
      readonly wish: Wish;
      readonly pause: Pause;
      readonly until: number | undefined;
      readonly problem?: Problem;
    }
  /** Asked for long enough without an answer; it stays a question until the shopper asks again. */
  | { readonly is: "unknown"; readonly wish: Wish }
  | { readonly is: "signed-out"; readonly wish: Wish }
  | { readonly is: "refused"; readonly wish: Wish; readonly problem: Problem }
  | { readonly is: "done"; readonly wish: Wish; readonly order: Order };

/** Longest that a wish is sent again by itself after the shopper asked. */
export const GIVE_UP_AFTER_MS = 60_000;
/** The same for a shopper who said that they want to wait. */
export const PATIENCE_MS = 15 * 60_000;
/**
 * A wish that is older is not sent by itself when its page is opened again, or wakes up: nobody wants to be surprised by a
 * purchase.
 */
export const RESUME_WITHIN_MS = 10 * 60_000;
/** A wish that is older is asked about once more, and then dropped. */
export const FORGET_AFTER_MS = 24 * 3_600_000;
/** How often a wish is sent by itself where it is not time that bounds it. */
const TRIES_MAX = 20;
/** A sale that opens this soon is waited for: the shopper's eyes were ahead of the shop's clock. */
const OPENS_SOON_MS = 3_000;

/** The next state. `now` is the server's time in milliseconds. */
export function step(state: State, event: Event, now: number, random: () => number = Math.random): State {
  switch (event.is) {
    case "wanted":
      if (isUnderWay(state)) return state;
      return { is: event.kept ? "sending" : "unkept", wish: event.wish };
    case "found":
      return isUnderWay(state) ? state : resumed(event.wish, now);
    case "ended":
      return endedElsewhere(state, event.key, event.state);
    case "overwritten":
      return state.is === "sending" && isFresh(state.wish) ? { is: "sending", wish: event.wish } : state;
    case "leave":
      return mayLeave(state) && state.is !== "idle" ? { is: "idle" } : state;
    case "moot":
      return state.is === "idle" ? state : { is: "idle" };
    default:
      return state.is === "idle" || state.is === "done" ? state : stepWish(state, event, now, random);
  }
}

/** What the end of a wish in another tab means for this one. */
function endedElsewhere(state: State, key: string, end: State): State {
  if (state.is === "refused") return state.wish.key === key && end.is === "done" ? end : state;
  if (!isUnderWay(state)) return state;
  if (state.wish.key !== key) {
    // One that was made in two tabs at once, and never left this one.
    return isFresh(state.wish) ? end : state;
  }
  const isOpen = !isFresh(state.wish) && !mayLeave(state);
  // Whoever turned away from it elsewhere did not know that it was on its way from here: it has to be stored again.
  if (isOpen && end.is === "idle") return { ...state };
  // The no to a try of the other tab is none to what left from here.
  return isOpen && end.is === "refused" ? { ...end, wish: { ...end.wish, unsure: true } } : end;
}

type Wishing = Exclude<State, { is: "idle" | "done" }>;
type About = Exclude<Event, { is: "wanted" | "found" | "ended" | "overwritten" | "leave" | "moot" }>;

function stepWish(state: Wishing, event: About, now: number, random: () => number): State {
  const { wish } = state;
  const sending: State = { is: "sending", wish };
  switch (event.is) {
    case "sent":
      return { ...state, wish: { ...wish, tries: wish.tries + 1 } };
    case "ordered":
      return { is: "done", wish, order: event.order };
    case "settling":
    case "unanswered":
      return pausing({ ...wish, unsure: true }, "unanswered", 0, now, random);
    case "refused":
      return refused(wish, event.problem, now, random);
    case "offline":
      return { is: "waiting", wish, pause: "offline", until: undefined };
    case "due":
      if (state.is !== "waiting" && state.is !== "sending") return state;
      // A device that slept, or a page that was frozen, wakes up to a question.
      if (isStale(wish, now)) return { is: "unknown", wish };
      return state.is === "waiting" ? sending : state;
    case "untold":
      return state.is === "sending" ? { is: "unknown", wish: { ...wish, unsure: true } } : state;
    case "signed-in":
      // Whom the page knows and the shop does not is not asked for ever.
      if (state.is !== "signed-out" || wish.tries >= TRIES_MAX) return state;
      return isStale(wish, now) ? { is: "unknown", wish } : sending;
    case "again":
      if (state.is === "sending" || state.is === "waiting") return state;
      return { is: "sending", wish: { ...wish, askedAt: now, tries: 0 } };
    case "keep-trying":
      if (state.is !== "refused") return state;
      return refused({ ...wish, patient: true, askedAt: now, tries: 0 }, state.problem, now, random);
  }
}

function refused(wish: Wish, problem: Problem, now: number, random: () => number): State {
  switch (meaningOf(problem)) {
    case "busy":
      return pausing(wish, "busy", is(problem, "busy") ? problem.retryAfterSeconds * 1_000 : 0, now, random);
    case "unsure":
      return pausing({ ...wish, unsure: true }, "unanswered", 0, now, random);
    case "limited":
      return pausing(wish, "limited", lookAgainAfterMs(problem) ?? 1_000, now, random, problem);
    case "nobody":
      return { is: "signed-out", wish };
    case "no":
      return said(wish, problem, now, random);
  }
}

/** What a definite no leads to: usually to itself. */
function said(wish: Wish, problem: Problem, now: number, random: () => number): State {
  if (is(problem, "not-open-yet")) {
    const left = Date.parse(problem.opensAt) - now;
    if (left <= OPENS_SOON_MS && now - wish.askedAt < GIVE_UP_AFTER_MS) {
      return waiting(wish, "opening", spread(Math.max(left, 200), random), now, problem);
    }
  }
  const after = lookAgainAfterMs(problem);
  if (wish.patient && after !== undefined && now + after - wish.askedAt <= PATIENCE_MS) {
    return waiting(wish, "patient", spread(after, random), now, problem);
  }
  return { is: "refused", wish: { ...wish, patient: false }, problem };
}

/** Waits longer each time, and gives up asking by itself after a while, or at once where the wait is longer than that. */
function pausing(wish: Wish, pause: Pause, leastMs: number, now: number, random: () => number, limit?: Problem): State {
  const ms = Math.max(spread(leastMs, random), pauseMs(wish.tries, random));
  const most = wish.patient ? PATIENCE_MS : GIVE_UP_AFTER_MS;
  if (!wish.last && now + ms - wish.askedAt <= most) return waiting(wish, pause, ms, now, limit);
  // A limit is a no with its numbers, unless an earlier try may have come true unseen.
  if (limit && !wish.unsure) return { is: "refused", wish: { ...wish, patient: false }, problem: limit };
  return { is: "unknown", wish };
}

function waiting(wish: Wish, pause: Pause, ms: number, now: number, problem?: Problem): State {
  return { is: "waiting", wish, pause, until: now + ms, ...(problem && { problem }) };
}

/** Never earlier than told, and spread so that a crowd does not come back in step. */
function spread(ms: number, random: () => number): number {
  return ms * (1 + 0.25 * random());
}

function resumed(wish: Wish, now: number): State {
  if (wish.last) return { is: "idle" };
  // Whoever left the page while it was on its way has not seen the answer.
  const found = { ...wish, unsure: wish.unsure || wish.tries > 0, tries: 0 };
  // What can come true no more can be asked about without a word: only an order that is there is told.
  // An old purchase is not: the sale may have been given more time since.
  const age = now - wish.askedAt;
  if (now > wish.ends && (wish.deed.to !== "buy" || age <= RESUME_WITHIN_MS)) {
    return { is: "sending", wish: { ...found, last: true } };
  }
  if (age > FORGET_AFTER_MS) return { is: "unknown", wish: { ...found, last: true } };
  return age > RESUME_WITHIN_MS ? { is: "unknown", wish: found } : { is: "sending", wish: found };
}

/** Whether so long has passed since the shopper asked that they have to be asked. */
function isStale(wish: Wish, now: number): boolean {
  // What is no purchase and can come true no more surprises nobody.
  if (wish.last && wish.deed.to !== "buy") return false;
  return now - wish.askedAt > (wish.patient ? PATIENCE_MS : RESUME_WITHIN_MS);
}

/** Whether it has not left this page. */
function isFresh(wish: Wish): boolean {
  return wish.tries === 0 && !wish.unsure;
}

/** Whether a wish has no definite answer yet. */
export function isUnderWay(
  state: State,
): state is Extract<State, { is: "sending" | "waiting" | "unknown" | "signed-out" }> {
  return state.is === "sending" || state.is === "waiting" || state.is === "unknown" || state.is === "signed-out";
}

/** Whether a shopper may turn away from it: not while it is on its way, and not while it may have come true unseen. */
export function mayLeave(state: State): boolean {
  return !isUnderWay(state) || (state.is !== "sending" && !state.wish.unsure);
}

/** The wish that the browser has to remember, if any. */
export function toKeep(state: State): Wish | undefined {
  if (!isUnderWay(state)) return undefined;
  // An old one that was asked about once more is dropped, answered or not.
  return state.is === "unknown" && state.wish.last ? undefined : state.wish;
}
