import { newKey } from "@/api/new-key";
import { Refused } from "@/api/problem";
import type { Order, SettlingOrder } from "@/api/schema";
import { alone } from "./alone";
import type { Event } from "./event";
import { forget, keep, recall } from "./keep";
import { hearOthers, tellOthers } from "./other-tabs";
import { placeOf } from "./place";
import { type Deed, isUnderWay, type State, step, toKeep, type Wish } from "./wish";

/** What a sender stands on; tests have a world of their own. */
export interface World {
  /** Sends a wish once. */
  perform(wish: Wish): Promise<Order | SettlingOrder>;
  /** The server's time in milliseconds. */
  now(): number;
  online(): boolean;
  /** A wish came to an end here or in another tab, or waits for somebody to sign in. */
  ended(state: State): void;
}

/** Browsers are wrong about their network now and then: it is tried anyway, this often, in milliseconds. */
const OFFLINE_TRY_AFTER_MS = 15_000;
/** Longest that another tab which has settled a wish is listened to, in milliseconds. */
const TOLD_WITHIN_MS = 2_000;
/** What makes a wish anew, or keeps one that others have dropped: all else only changes what is stored already. */
const STORES: readonly Event["is"][] = ["wanted", "again", "keep-trying", "overwritten", "ended", "untold"];

/**
 * Brings one wish of one customer to an end, whatever part of the page looks at it.
 *
 * The wish is stored before it leaves, one tab sends at a time (and waits without keeping the others waiting), and everything
 * else is decided by `step`. A sender lives as long as the page: who buys and then looks around is told all the same.
 */
export class Sender {
  #state: State = { is: "idle" };
  #driving = false;
  #tryAnyway = false;
  /** Whether the wish was stored; one that is not there any more was settled by another tab then. */
  #kept = false;
  #wake: () => void = () => {};
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly place: string,
    readonly customer: string,
    private readonly world: World,
  ) {
    hearOthers({
      place,
      ended: (key, state) => this.dispatch({ is: "ended", key, state }),
      found: (wish) => wish.customer === customer && this.dispatch({ is: "found", wish }),
    });
    addEventListener("online", () => this.#wake());
    const found = recall(place, customer);
    if (found) this.dispatch({ is: "found", wish: found });
  }

  get state(): State {
    return this.#state;
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /**
   * The shopper wants this. What they wanted before and have no answer to comes first, also when another tab wants it; and
   * the same after a refusal is the same wish, so that an earlier attempt that comes late after all is not a second order.
   */
  want(deed: Deed, ends: number): void {
    if (isUnderWay(this.#state)) return;
    const now = this.world.now();
    const known = this.#leftOpen() ?? this.#sameAgain(deed);
    const asked = { ends, askedAt: now, tries: 0, patient: false, last: false };
    const wish: Wish = known
      ? { ...known, ...asked }
      : { deed, key: newKey(), customer: this.customer, unsure: false, ...asked };
    this.dispatch({ is: "wanted", wish, kept: keep(this.place, wish) });
  }

  /** One that is stored still; if it has left, nobody here has seen the answer. */
  #leftOpen(): Wish | undefined {
    const wish = recall(this.place, this.customer);
    return wish && { ...wish, unsure: wish.unsure || wish.tries > 0 };
  }

  /** One that was refused; each of its tries had an answer, but for those that made it unsure. */
  #sameAgain(deed: Deed): Wish | undefined {
    if (this.#state.is !== "refused") return undefined;
    const { wish, problem } = this.#state;
    const spent = problem.type.endsWith("/idempotency-key-reused");
    return !spent && JSON.stringify(wish.deed) === JSON.stringify(deed) ? wish : undefined;
  }

  dispatch(event: Event): void {
    const before = this.#state;
    const after = step(before, event, this.world.now());
    if (after === before) return;
    this.#state = after;
    const wish = toKeep(after);
    if (wish) this.#keep(wish, event);
    else if (before.is !== "idle") forget(this.place, before.wish.key);
    const settled = after.is === "done" || after.is === "refused";
    const left = after.is === "idle" && isUnderWay(before);
    if (event.is !== "ended" && (settled || left)) tellOthers(this.place, keyOf(before), after);
    if (settled || after.is === "signed-out") this.world.ended(after);
    this.#wake();
    for (const listener of this.#listeners) listener();
    void this.#drive();
  }

  /** Stores the wish as it is now; but what another tab has settled and dropped meanwhile does not come back by that. */
  #keep(wish: Wish, event: Event): void {
    if (event.is === "found") this.#kept = true;
    if (this.#kept && !STORES.includes(event.is) && recall(this.place, this.customer) === undefined) return;
    this.#kept = keep(this.place, wish);
  }

  /** Sends and waits until there is nothing to send or to wait for. */
  async #drive(): Promise<void> {
    while (!this.#driving && this.#goesOn()) {
      this.#driving = true;
      try {
        const state = this.#state;
        if (state.is === "waiting") await this.#wait(state.until);
        else await this.#go();
      } finally {
        this.#driving = false;
      }
    }
  }

  #goesOn(): boolean {
    return this.#state.is === "sending" || this.#state.is === "waiting";
  }

  /** Sends once, while no other tab does. */
  async #go(): Promise<void> {
    if (!this.world.online() && !this.#tryAnyway) return this.dispatch({ is: "offline" });
    this.#tryAnyway = false;
    let isGone = false;
    await alone(this.place, async () => {
      // The other tab may have taken long.
      this.dispatch({ is: "due" });
      if (this.#state.is !== "sending") return;
      const stored = recall(this.place, this.customer);
      isGone = this.#kept && stored === undefined;
      if (isGone) return;
      if (stored && stored.key !== this.#state.wish.key) this.dispatch({ is: "overwritten", wish: stored });
      await this.#send();
    });
    if (isGone) await this.#listen();
  }

  async #send(): Promise<void> {
    this.dispatch({ is: "sent" });
    const state = this.#state;
    if (state.is !== "sending") return;
    let event: Event;
    try {
      const order = await this.world.perform(state.wish);
      event = order.state === "settling" ? { is: "settling" } : { is: "ordered", order };
    } catch (error) {
      event = error instanceof Refused ? { is: "refused", problem: error.problem } : { is: "unanswered" };
    }
    // Unless another tab was told meanwhile, which is the same answer; but an order has the last word.
    const now = this.#state;
    if (keyOf(now) !== state.wish.key) return;
    if (now.is === "sending" || (now.is === "refused" && event.is === "ordered")) this.dispatch(event);
  }

  /** Waits for what the tab that settled the wish tells. */
  async #listen(): Promise<void> {
    const state = this.#state;
    await this.#pause(TOLD_WITHIN_MS);
    if (this.#state === state) this.dispatch({ is: "untold" });
  }

  async #wait(until: number | undefined): Promise<void> {
    const state = this.#state;
    const ms = until === undefined ? OFFLINE_TRY_AFTER_MS : Math.max(0, until - this.world.now());
    await this.#pause(ms);
    if (this.#state !== state) return;
    this.#tryAnyway = until === undefined;
    if (until === undefined || this.world.now() >= until) this.dispatch({ is: "due" });
  }

  /** Waits; not longer than until something happens. */
  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}

function keyOf(state: State): string {
  return state.is === "idle" ? "" : state.wish.key;
}

/** The senders of this page. */
const senders = new Map<string, Sender>();

export function senderOf(customer: string, deed: Deed, world: World): Sender {
  const place = placeOf(customer, deed);
  let sender = senders.get(place);
  if (sender === undefined) {
    sender = new Sender(place, customer, world);
    senders.set(place, sender);
  }
  return sender;
}
