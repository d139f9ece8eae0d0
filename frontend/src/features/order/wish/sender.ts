import { Refused } from "@/api/problem";
import type { Order, SettlingOrder } from "@/api/schema";
import { alone } from "./alone";
import { forget, keep, recall } from "./keep";
import { newKey } from "./new-key";
import { hearOthers, tellOthers } from "./other-tabs";
import { placeOf } from "./place";
import { type Deed, type Event, isUnderWay, type State, step, toKeep, type Wish } from "./wish";

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

/**
 * Brings one wish of one customer to an end, whatever part of the page looks at it.
 *
 * The wish is stored before it leaves, one tab sends at a time, and everything else is decided by `step`. A sender lives as
 * long as the page: who buys and then looks around is told all the same.
 */
export class Sender {
  #state: State = { is: "idle" };
  #driving = false;
  #tryAnyway = false;
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
    const known = recall(this.place, this.customer) ?? this.#sameAgain(deed);
    const asked = { ends, askedAt: now, tries: 0, patient: false, last: false };
    const wish: Wish = known
      ? { ...known, ...asked, unsure: known.unsure || known.tries > 0 }
      : { deed, key: newKey(), customer: this.customer, unsure: false, ...asked };
    this.dispatch({ is: "wanted", wish, kept: keep(this.place, wish) });
  }

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
    if (wish) keep(this.place, wish);
    else if (before.is !== "idle") forget(this.place, before.wish.key);
    const settled = after.is === "done" || after.is === "refused";
    const left = after.is === "idle" && isUnderWay(before);
    if (event.is !== "ended" && (settled || left)) tellOthers(this.place, keyOf(before), after);
    if (settled || after.is === "signed-out") this.world.ended(after);
    this.#wake();
    for (const listener of this.#listeners) listener();
    void this.#drive();
  }

  /** Sends and waits until there is nothing to send or to wait for. */
  async #drive(): Promise<void> {
    while (!this.#driving && this.#goesOn()) {
      this.#driving = true;
      try {
        await alone(this.place, () => this.#go());
      } finally {
        this.#driving = false;
      }
    }
  }

  #goesOn(): boolean {
    return this.#state.is === "sending" || this.#state.is === "waiting";
  }

  async #go(): Promise<void> {
    const stored = recall(this.place, this.customer);
    if (this.#state.is !== "idle" && stored && stored.key !== this.#state.wish.key) {
      this.dispatch({ is: "overwritten", wish: stored });
    }
    while (this.#goesOn()) {
      const state = this.#state;
      if (state.is === "sending") await this.#send();
      else if (state.is === "waiting") await this.#wait(state.until);
    }
  }

  async #send(): Promise<void> {
    if (!this.world.online() && !this.#tryAnyway) return this.dispatch({ is: "offline" });
    this.#tryAnyway = false;
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
    // Unless another tab was told meanwhile, which is the same answer.
    if (this.#state.is === "sending") this.dispatch(event);
  }

  async #wait(until: number | undefined): Promise<void> {
    const state = this.#state;
    const ms = until === undefined ? OFFLINE_TRY_AFTER_MS : Math.max(0, until - this.world.now());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
    if (this.#state !== state) return;
    this.#tryAnyway = until === undefined;
    if (until === undefined || this.world.now() >= until) this.dispatch({ is: "due" });
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
