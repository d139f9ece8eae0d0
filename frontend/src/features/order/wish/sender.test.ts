import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "@/api/problem";
import type { Order, Problem } from "@/api/schema";
import { recall } from "./keep";
import { placeOf } from "./place";
import { Sender, type World } from "./sender";
import type { Deed, State, Wish } from "./wish";

const ENDS = Date.parse("2027-03-14T13:00:00Z");
const deed: Deed = { to: "buy", sale: "aurora-3f2a9c1e", sku: "A", quantity: 1 };
const place = placeOf("ann", deed);
const order = { id: "order-1", state: "held" } as Order;

/** A shop that answers as it is told, one answer after the other; nothing told is no answer yet. */
class Shop implements World {
  readonly heard: Wish[] = [];
  readonly stored: (string | undefined)[] = [];
  readonly ends: State["is"][] = [];
  isOnline = true;
  answers: (Order | { state: "settling" } | Error)[] = [];

  async perform(wish: Wish) {
    this.heard.push(wish);
    this.stored.push(recall(place, "ann")?.key);
    const answer = this.answers.shift();
    if (answer === undefined) return new Promise<Order>(() => {});
    if (answer instanceof Error) throw answer;
    return answer as Order;
  }

  now() {
    return vi.getMockedSystemTime()?.getTime() ?? 0;
  }

  online() {
    return this.isOnline;
  }

  ended({ is }: State) {
    this.ends.push(is);
  }
}

const refusal = (name: string, more: object = {}) =>
  new Refused({ type: `https://sluice.dev/problems/${name}`, retry: "never", ...more } as unknown as Problem);

let shop: Shop;
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2027-03-14T12:00:00Z") });
  shop = new Shop();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  localStorage.clear();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("a sender", () => {
  it("stores the wish before it leaves, and drops it with the answer", async () => {
    shop.answers = [order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    expect(sender.state).toMatchObject({ is: "done", order });
    expect(shop.stored).toEqual([shop.heard[0]?.key]);
    expect(recall(place, "ann")).toBeUndefined();
    expect(shop.ends).toEqual(["done"]);
  });

  it("sends once, however often it is clicked", async () => {
    const sender = new Sender(place, "ann", shop);
    for (let n = 0; n < 5; n++) sender.want(deed, ENDS);
    await settle();
    expect(shop.heard).toHaveLength(1);
  });

  it("sends the same again until there is an answer", async () => {
    shop.answers = [
      new Unreachable("lost"),
      refusal("busy", { retry: "now", retryAfterSeconds: 2 }),
      { state: "settling" },
      refusal("timed-out", { retry: "now" }),
      order,
    ];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(sender.state.is).toBe("done");
    expect(shop.heard).toHaveLength(5);
    expect(new Set(shop.heard.map(({ key }) => key)).size).toBe(1);
  });

  it("goes on after a reload, and for nobody else", async () => {
    new Sender(place, "ann", shop).want(deed, ENDS);
    await settle();
    const again = new Shop();
    again.answers = [order];
    const bob = new Sender(place, "bob", again);
    const ann = new Sender(place, "ann", again);
    await settle();
    expect(bob.state.is).toBe("idle");
    expect(ann.state).toMatchObject({ is: "done", wish: { unsure: true } });
    expect(again.heard.map(({ key }) => key)).toEqual([shop.heard[0]?.key]);
  });

  it("waits for the network", async () => {
    shop.isOnline = false;
    shop.answers = [order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    expect(shop.heard).toHaveLength(0);
    expect(sender.state).toMatchObject({ is: "waiting", pause: "offline" });
    shop.isOnline = true;
    dispatchEvent(new Event("online"));
    await settle();
    expect(sender.state.is).toBe("done");
  });

  it("tries now and then what a browser says cannot work", async () => {
    shop.isOnline = false;
    shop.answers = [order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await vi.advanceTimersByTimeAsync(16_000);
    expect(sender.state.is).toBe("done");
  });

  it("gives the same wish again after a refusal, and a new one for something else", async () => {
    shop.answers = [refusal("sold-out"), refusal("sold-out"), refusal("idempotency-key-reused")];
    const sender = new Sender(place, "ann", shop);
    for (const quantity of [1, 1, 2]) {
      sender.want({ ...deed, quantity }, ENDS);
      await settle();
    }
    sender.want({ ...deed, quantity: 2 }, ENDS);
    await settle();
    const keys = shop.heard.map(({ key }) => key);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
  });

  it("is as sure of the same wish after a refusal as it was before", async () => {
    const limited = refusal("rate-limited", { retry: "later", retryAfterSeconds: 1_200 });
    shop.answers = [limited, limited, new Unreachable("lost"), refusal("sold-out"), limited];
    const sender = new Sender(place, "ann", shop);
    for (let n = 0; n < 2; n++) {
      sender.want(deed, ENDS);
      await settle();
      expect(sender.state).toMatchObject({ is: "refused", problem: { retryAfterSeconds: 1_200 } });
    }
    sender.want(deed, ENDS);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sender.state).toMatchObject({ is: "refused", wish: { unsure: true } });
    sender.want(deed, ENDS);
    await settle();
    expect(sender.state).toMatchObject({ is: "unknown", wish: { unsure: true } });
  });

  it("makes a new wish after an order", async () => {
    shop.answers = [order, order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    sender.want(deed, ENDS);
    await settle();
    expect(new Set(shop.heard.map(({ key }) => key)).size).toBe(2);
  });

  it("keeps the wish of somebody who has to sign in, and goes on then", async () => {
    shop.answers = [refusal("not-signed-in"), order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    expect(sender.state.is).toBe("signed-out");
    expect(recall(place, "ann")?.key).toBe(shop.heard[0]?.key);
    sender.dispatch({ is: "signed-in" });
    await settle();
    expect(sender.state.is).toBe("done");
    expect(shop.heard[1]?.key).toBe(shop.heard[0]?.key);
  });

  it("asks first when nothing can be stored", async () => {
    vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
    shop.answers = [order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    expect(sender.state.is).toBe("unkept");
    expect(shop.heard).toHaveLength(0);
    sender.dispatch({ is: "again" });
    await settle();
    expect(sender.state.is).toBe("done");
  });

  it("joins what another tab has begun", async () => {
    const theirs: Wish = {
      deed,
      key: "theirs",
      customer: "ann",
      ends: ENDS,
      askedAt: shop.now(),
      tries: 1,
      unsure: false,
      patient: false,
      last: false,
    };
    const sender = new Sender(place, "ann", shop);
    localStorage.setItem(place, JSON.stringify(theirs));
    sender.want(deed, ENDS);
    await settle();
    expect(shop.heard.map(({ key }) => key)).toEqual(["theirs"]);
  });

  it("asks first when its timer fires after a sleep", async () => {
    shop.answers = [refusal("busy", { retry: "now", retryAfterSeconds: 2 })];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    expect(sender.state.is).toBe("waiting");
    vi.setSystemTime(shop.now() + 3 * 3_600_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sender.state.is).toBe("unknown");
    expect(shop.heard).toHaveLength(1);
  });
});

/** The locks of a browser, which other tabs hold and want too. */
class Locks {
  held: string[] = [];
  readonly #waiting: (() => void)[] = [];

  readonly request = async (name: string, { signal }: { signal: AbortSignal }, work: () => Promise<void>) => {
    while (this.held.includes(name)) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }
    this.held.push(name);
    await work().finally(() => this.release());
  };

  release() {
    this.held = [];
    for (const next of this.#waiting.splice(0)) next();
  }
}

describe("a sender beside other tabs", () => {
  let locks: Locks;
  beforeEach(() => {
    locks = new Locks();
    vi.stubGlobal("navigator", { locks });
  });

  const theirs = (): Wish => ({
    deed,
    key: "theirs",
    customer: "ann",
    ends: ENDS,
    askedAt: shop.now(),
    tries: 1,
    unsure: false,
    patient: false,
    last: false,
  });
  const found = (sender: Sender) => {
    const wish = theirs();
    localStorage.setItem(place, JSON.stringify(wish));
    sender.dispatch({ is: "found", wish });
  };

  it("keeps nobody waiting while it waits", async () => {
    shop.answers = [refusal("busy", { retry: "now", retryAfterSeconds: 5 })];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await settle();
    expect(sender.state.is).toBe("waiting");
    expect(locks.held).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sender.state.is).toBe("sending");
    expect(locks.held).toEqual([place]);
  });

  it("goes ahead when another tab does not come to an end", async () => {
    locks.held = [place];
    shop.answers = [order];
    const sender = new Sender(place, "ann", shop);
    sender.want(deed, ENDS);
    await vi.advanceTimersByTimeAsync(14_000);
    expect(shop.heard).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sender.state.is).toBe("done");
  });

  it("does not send what another tab has settled, and takes over what it tells", async () => {
    locks.held = [place];
    const sender = new Sender(place, "ann", shop);
    found(sender);
    await settle();
    localStorage.removeItem(place);
    locks.release();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sender.state.is).toBe("sending");
    sender.dispatch({ is: "ended", key: "theirs", state: { is: "done", wish: theirs(), order } });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sender.state.is).toBe("done");
    expect(shop.heard).toHaveLength(0);
  });

  it("does not bring back what was settled before it heard of it", async () => {
    const sender = new Sender(place, "ann", shop);
    sender.dispatch({ is: "found", wish: theirs() });
    expect(recall(place, "ann")).toBeUndefined();
    await settle();
    expect(shop.heard).toHaveLength(0);
  });

  it("asks the shopper when another tab has settled it and does not tell", async () => {
    locks.held = [place];
    const sender = new Sender(place, "ann", shop);
    found(sender);
    await settle();
    localStorage.removeItem(place);
    locks.release();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sender.state).toMatchObject({ is: "unknown", wish: { key: "theirs", unsure: true } });
    expect(recall(place, "ann")?.key).toBe("theirs");
    shop.answers = [order];
    sender.dispatch({ is: "again" });
    await settle();
    expect(sender.state.is).toBe("done");
  });

  it("believes an order of its own rather than a refusal that another tab was told", async () => {
    let answer: (order: Order) => void = () => {};
    shop.perform = () => new Promise((resolve) => (answer = resolve));
    const sender = new Sender(place, "ann", shop);
    found(sender);
    await settle();
    const { problem } = refusal("sold-out");
    sender.dispatch({ is: "ended", key: "theirs", state: { is: "refused", wish: theirs(), problem } });
    expect(sender.state.is).toBe("refused");
    answer(order);
    await settle();
    expect(sender.state).toMatchObject({ is: "done", order });
  });

  it("does not take the answer to an earlier wish for the one to the next", async () => {
    let answer: (order: Order) => void = () => {};
    shop.perform = () => new Promise((resolve) => (answer = resolve));
    const sender = new Sender(place, "ann", shop);
    found(sender);
    await settle();
    const { problem } = refusal("sold-out");
    sender.dispatch({ is: "ended", key: "theirs", state: { is: "refused", wish: theirs(), problem } });
    sender.want({ ...deed, quantity: 2 }, ENDS);
    answer(order);
    await settle();
    expect(sender.state.is).toBe("sending");
  });
});
