import { describe, expect, it } from "vitest";
import type { Order, Problem } from "@/api/schema";
import type { Event } from "./event";
import { meaningOf } from "./meaning";
import {
  FORGET_AFTER_MS,
  GIVE_UP_AFTER_MS,
  isUnderWay,
  mayLeave,
  PATIENCE_MS,
  RESUME_WITHIN_MS,
  type State,
  step,
  toKeep,
  type Wish,
} from "./wish";

const NOON = Date.parse("2027-03-14T12:00:00Z");
const HOUR = 3_600_000;

const wish: Wish = {
  deed: { to: "buy", sale: "aurora-3f2a9c1e", sku: "A", quantity: 1 },
  key: "key-1",
  customer: "ann",
  ends: NOON + HOUR,
  askedAt: NOON,
  tries: 0,
  unsure: false,
  patient: false,
  last: false,
};
const order = { id: "order-1", state: "held" } as Order;
const IDLE: State = { is: "idle" };

const problem = (name: string, more: object = {}) =>
  ({ type: `https://sluice.dev/problems/${name}`, retry: "never", detail: name, ...more }) as unknown as Problem;
const busy = problem("busy", { retry: "now", retryAfterSeconds: 1 });
const held = problem("all-units-held", { retry: "later", retryAfterSeconds: 5, held: 3 });

/** What a row of events leads to, all of them at one time. */
function through(events: Event[], now = NOON, from: State = IDLE): State {
  return events.reduce((state, event) => step(state, event, now, () => 0), from);
}

const wanted: Event = { is: "wanted", wish, kept: true };
const sent: Event = { is: "sent" };
const refused = (problem: Problem): Event => ({ is: "refused", problem });

describe("a wish", () => {
  it("is sent, and ends with an order", () => {
    expect(through([wanted]).is).toBe("sending");
    const done = through([wanted, sent, { is: "ordered", order }]);
    expect(done).toMatchObject({ is: "done", order, wish: { key: "key-1", tries: 1 } });
    expect(toKeep(done)).toBeUndefined();
  });

  it("is not made twice while it is on its way", () => {
    const other: Event = { is: "wanted", wish: { ...wish, key: "key-2" }, kept: true };
    for (const middle of [[], [sent], [sent, { is: "unanswered" }], [sent, refused(busy)]] as Event[][]) {
      expect(through([wanted, ...middle, other])).toMatchObject({ wish: { key: "key-1" } });
    }
  });

  it("keeps its key, and stays stored, whatever goes wrong", () => {
    const faults: Event[] = [
      { is: "unanswered" },
      { is: "settling" },
      { is: "offline" },
      refused(busy),
      refused(problem("timed-out", { retry: "now" })),
      refused(problem("internal", { retry: "now" })),
      refused(problem("rate-limited", { retry: "later", retryAfterSeconds: 6 })),
      refused(problem("not-signed-in")),
    ];
    for (const fault of faults) {
      const state = through([wanted, sent, fault]);
      expect(toKeep(state), JSON.stringify(fault)).toMatchObject({ key: "key-1" });
    }
  });

  it("ends with a refusal under which nothing was taken", () => {
    for (const name of ["sold-out", "sale-closed", "sale-paused", "limit-reached", "fewer-left", "forbidden"]) {
      const state = through([wanted, sent, refused(problem(name))]);
      expect(state.is, name).toBe("refused");
      expect(toKeep(state), name).toBeUndefined();
    }
    expect(through([wanted, sent, refused(held)]).is).toBe("refused");
  });

  it("never takes silence for a no", () => {
    let state = through([wanted]);
    for (let now = NOON; now < NOON + 10 * GIVE_UP_AFTER_MS; now += 8_000) {
      state = through([{ is: "due" }, sent, { is: "unanswered" }], now, state);
    }
    expect(state).toMatchObject({ is: "unknown", wish: { unsure: true } });
    expect(toKeep(state)).toMatchObject({ key: "key-1" });
    expect(mayLeave(state)).toBe(false);
    expect(through([{ is: "again" }], NOON + HOUR, state)).toMatchObject({
      is: "sending",
      wish: { key: "key-1", tries: 0, askedAt: NOON + HOUR, unsure: true },
    });
  });

  it("may be left while only busy was heard", () => {
    const state = through([wanted, sent, refused(busy)]);
    expect(state.is).toBe("waiting");
    expect(through([{ is: "leave" }], NOON, state)).toEqual(IDLE);
    expect(through([wanted, sent, { is: "leave" }]).is).toBe("sending");
    expect(through([wanted, sent, { is: "unanswered" }, { is: "leave" }]).is).toBe("waiting");
  });
});

describe("the pause before the next try", () => {
  const until = (events: Event[], random = 0) => {
    const state = events.reduce((state, event) => step(state, event, NOON, () => random), IDLE as State);
    return state.is === "waiting" && state.until !== undefined ? state.until - NOON : undefined;
  };

  it("is never shorter than the shop said, and spread", () => {
    const long = refused(problem("busy", { retry: "now", retryAfterSeconds: 7 }));
    expect(until([wanted, sent, long])).toBe(7_000);
    expect(until([wanted, sent, long], 0.999)).toBeGreaterThan(8_000);
    const limited = refused(problem("rate-limited", { retry: "later", retryAfterSeconds: 6 }));
    expect(until([wanted, sent, limited])).toBe(6_000);
  });

  it("grows", () => {
    const fault: Event[] = [sent, { is: "unanswered" }, { is: "due" }];
    const pauses = [1, 2, 3, 4].map((n) => until([wanted, ...Array(n).fill(fault).flat().slice(0, -1)]) ?? 0);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses[3]).toBeGreaterThan(pauses[0] ?? 0);
  });

  it("lasts until the network is back when there is none", () => {
    const state = through([wanted, { is: "offline" }]);
    expect(state).toMatchObject({ is: "waiting", pause: "offline", wish: { unsure: false, tries: 0 } });
    expect(until([wanted, { is: "offline" }])).toBeUndefined();
    expect(through([{ is: "due" }], NOON, state).is).toBe("sending");
  });

  it("is short where the sale opens within a moment, and none where it does not", () => {
    const opens = (ms: number) =>
      refused(problem("not-open-yet", { retry: "later", opensAt: new Date(NOON + ms).toISOString() }));
    expect(through([wanted, sent, opens(1_500)])).toMatchObject({
      is: "waiting",
      pause: "opening",
      until: NOON + 1_500,
    });
    expect(through([wanted, sent, opens(60_000)]).is).toBe("refused");
  });
});

describe("patience", () => {
  const patient = through([wanted, sent, refused(held), { is: "keep-trying" }]);

  it("looks again when the shop says that it may help, with the same key", () => {
    expect(patient).toMatchObject({ is: "waiting", pause: "patient", until: NOON + 5_000, wish: { key: "key-1" } });
    expect(through([{ is: "due" }, sent, refused(held)], NOON + 5_000, patient).is).toBe("waiting");
  });

  it("ends with an order, another refusal, or after a while", () => {
    expect(through([{ is: "due" }, sent, { is: "ordered", order }], NOON + 5_000, patient).is).toBe("done");
    expect(through([{ is: "due" }, sent, refused(problem("sold-out"))], NOON + 5_000, patient).is).toBe("refused");
    expect(through([{ is: "due" }, sent, refused(held)], NOON + PATIENCE_MS, patient).is).toBe("refused");
    expect(through([{ is: "leave" }], NOON, patient)).toEqual(IDLE);
  });
});

describe("a page that slept", () => {
  const late = NOON + RESUME_WITHIN_MS + 1;

  it("asks before it sends what was waiting", () => {
    const pauses: Event[] = [
      { is: "unanswered" },
      { is: "offline" },
      refused(busy),
      refused(problem("rate-limited", { retry: "later", retryAfterSeconds: 6 })),
    ];
    for (const pause of pauses) {
      const state = through([wanted, sent, pause]);
      expect(state.is).toBe("waiting");
      expect(through([{ is: "due" }], late, state), JSON.stringify(pause)).toMatchObject({
        is: "unknown",
        wish: { key: "key-1" },
      });
      expect(through([{ is: "due" }], NOON + RESUME_WITHIN_MS, state).is).toBe("sending");
    }
  });

  it("asks before it sends what was about to leave", () => {
    const state = through([wanted]);
    expect(through([{ is: "due" }], NOON + 1_000, state)).toBe(state);
    expect(through([{ is: "due" }], late, state).is).toBe("unknown");
  });

  it("asks later whoever said that they want to wait", () => {
    const patient = through([wanted, sent, refused(held), { is: "keep-trying" }]);
    expect(through([{ is: "due" }], late, patient).is).toBe("sending");
    expect(through([{ is: "due" }], NOON + PATIENCE_MS + 1, patient).is).toBe("unknown");
  });

  it("asks somebody who comes back hours later", () => {
    const out = through([wanted, sent, refused(problem("not-signed-in"))]);
    expect(through([{ is: "signed-in" }], late, out)).toMatchObject({ is: "unknown", wish: { key: "key-1" } });
  });
});

describe("too many requests", () => {
  const limitedFor = (retryAfterSeconds: number) =>
    refused(problem("rate-limited", { retry: "later", retryAfterSeconds }));
  const told = (retryAfterSeconds: number) => ({
    is: "refused",
    problem: { retryAfterSeconds },
    wish: { unsure: false },
  });

  it("are waited for when the wait is short", () => {
    const state = through([wanted, sent, limitedFor(6)]);
    expect(state).toMatchObject({ is: "waiting", pause: "limited", until: NOON + 6_000 });
    expect(through([{ is: "due" }, sent, { is: "ordered", order }], NOON + 6_000, state).is).toBe("done");
  });

  it("are not waited for longer than anything else", () => {
    const state = through([wanted]);
    expect(through([sent, limitedFor(6)], NOON + GIVE_UP_AFTER_MS - 6_000, state).is).toBe("waiting");
    expect(through([sent, limitedFor(6)], NOON + GIVE_UP_AFTER_MS - 5_999, state)).toMatchObject(told(6));
  });

  it("are a no that says how long when the wait is long", () => {
    const state = through([wanted, sent, limitedFor(1_200)]);
    expect(state).toMatchObject(told(1_200));
    expect(toKeep(state)).toBeUndefined();
    expect(through([wanted, sent, refused(busy), { is: "due" }, sent, limitedFor(1_200)])).toMatchObject(told(1_200));
  });

  it("are no answer to an earlier try that had none", () => {
    const state = through([wanted, sent, { is: "unanswered" }, { is: "due" }, sent, limitedFor(1_200)]);
    expect(state).toMatchObject({ is: "unknown", wish: { key: "key-1", unsure: true } });
    expect(toKeep(state)).toMatchObject({ key: "key-1" });
    const found = through([{ is: "found", wish: { ...wish, tries: 1 } }, sent, limitedFor(1_200)]);
    expect(found).toMatchObject({ is: "unknown", wish: { unsure: true } });
  });

  it("are waited for as long as a shopper said that they want to, however often was looked", () => {
    let state = through([wanted, sent, refused(held), { is: "keep-trying" }]);
    for (let n = 0; n < 30; n++) state = through([{ is: "due" }, sent, refused(held)], NOON + n * 5_000, state);
    expect(through([{ is: "due" }, sent, limitedFor(120)], NOON + 150_000, state)).toMatchObject({
      is: "waiting",
      pause: "limited",
    });
    expect(through([{ is: "due" }, sent, limitedFor(1_200)], NOON + 150_000, state)).toMatchObject({
      ...told(1_200),
      wish: { patient: false },
    });
  });
});

describe("a wish that was found", () => {
  const found = (wish: Wish, now: number) => through([{ is: "found", wish }], now);

  it("goes on by itself, and may have come true unseen if it had left", () => {
    expect(found(wish, NOON + 1_000)).toMatchObject({ is: "sending", wish: { key: "key-1", unsure: false } });
    expect(found({ ...wish, tries: 2 }, NOON + 1_000)).toMatchObject({ wish: { unsure: true, tries: 0 } });
  });

  it("is a question once the shopper has turned to other things", () => {
    expect(found(wish, NOON + RESUME_WITHIN_MS + 1).is).toBe("unknown");
  });

  it("is asked about once more after the sale's end, and then dropped", () => {
    const state = found({ ...wish, tries: 1, ends: NOON + 60_000 }, NOON + 120_000);
    expect(state).toMatchObject({ is: "sending", wish: { last: true } });
    expect(found(toKeep(state) as Wish, NOON + 3 * HOUR)).toEqual(IDLE);
    const unknown = through([sent, { is: "unanswered" }], NOON + 120_000, state);
    expect(unknown.is).toBe("unknown");
    expect(toKeep(unknown)).toBeUndefined();
  });

  it("is a question when it is old, also after an end that may have been put off", () => {
    expect(found({ ...wish, tries: 1 }, NOON + 2 * HOUR)).toMatchObject({ is: "unknown", wish: { unsure: true } });
    const slept = found({ ...wish, ends: NOON + 60_000 }, NOON + 120_000);
    expect(through([{ is: "offline" }, { is: "due" }], NOON + 2 * HOUR, slept).is).toBe("unknown");
  });

  it("is asked about without a word when it is no purchase and can come true no more", () => {
    const pay: Wish = { ...wish, deed: { to: "pay", sale: "aurora-3f2a9c1e", order: "order-1" } };
    const state = found(pay, NOON + 2 * HOUR);
    expect(state).toMatchObject({ is: "sending", wish: { last: true } });
    expect(through([{ is: "due" }], NOON + 2 * HOUR, state)).toBe(state);
  });

  it("is asked about once more after a day, and not bought by surprise", () => {
    const state = found({ ...wish, ends: NOON + 100 * HOUR }, NOON + FORGET_AFTER_MS + 1);
    expect(state.is).toBe("unknown");
    expect(toKeep(state)).toBeUndefined();
  });
});

describe("somebody who is not signed in any more", () => {
  it("goes on where they were once they are back", () => {
    const out = through([wanted, sent, refused(problem("not-signed-in"))]);
    expect(out.is).toBe("signed-out");
    expect(through([{ is: "due" }], NOON, out)).toBe(out);
    expect(through([{ is: "signed-in" }], NOON, out)).toMatchObject({ is: "sending", wish: { key: "key-1" } });
  });

  it("is not asked for ever by a page that thinks they are there", () => {
    let state = through([wanted]);
    for (let n = 0; n < 50; n++)
      state = through([sent, refused(problem("not-signed-in")), { is: "signed-in" }], NOON, state);
    expect(state.is).toBe("signed-out");
  });
});

describe("a browser that stores nothing", () => {
  it("leaves the choice to the shopper", () => {
    const state = through([{ is: "wanted", wish, kept: false }]);
    expect(state.is).toBe("unkept");
    expect(isUnderWay(state)).toBe(false);
    expect(through([{ is: "again" }], NOON, state).is).toBe("sending");
    expect(through([{ is: "leave" }], NOON, state)).toEqual(IDLE);
  });
});

describe("two tabs", () => {
  const done: State = { is: "done", wish: { ...wish, tries: 1 }, order };

  it("are both told", () => {
    const ended: Event = { is: "ended", key: "key-1", state: done };
    expect(through([wanted, sent, ended])).toBe(done);
    expect(through([{ is: "found", wish }, ended])).toBe(done);
    expect(through([ended])).toEqual(IDLE);
  });

  it("believe an order rather than a refusal", () => {
    const no = through([wanted, sent, refused(problem("sold-out"))]);
    expect(through([{ is: "ended", key: "key-1", state: done }], NOON, no)).toBe(done);
    expect(through([{ is: "ended", key: "key-0", state: done }], NOON, no)).toBe(no);
  });

  it("do not take the no to a try of one for an answer to that of the other", () => {
    const no: Event = { is: "ended", key: "key-1", state: through([wanted, sent, refused(problem("sold-out"))]) };
    expect(through([wanted, sent, no])).toMatchObject({ is: "refused", wish: { unsure: true } });
    expect(through([wanted, sent, { is: "unanswered" }, no])).toMatchObject({ wish: { unsure: true } });
    expect(through([wanted, sent, refused(busy), no])).toMatchObject({ is: "refused", wish: { unsure: false } });
    expect(through([wanted, no])).toMatchObject({ is: "refused", wish: { unsure: false } });
  });

  it("do not drop what is on its way from one of them because the other turned away", () => {
    const left: Event = { is: "ended", key: "key-1", state: IDLE };
    expect(through([wanted, sent, left])).toMatchObject({ is: "sending", wish: { key: "key-1" } });
    expect(through([wanted, sent, { is: "unanswered" }, left]).is).toBe("waiting");
    expect(through([wanted, left])).toEqual(IDLE);
    expect(through([wanted, sent, refused(busy), left])).toEqual(IDLE);
  });

  it("ask when one settled it and did not tell", () => {
    expect(through([wanted, { is: "untold" }])).toMatchObject({ is: "unknown", wish: { key: "key-1", unsure: true } });
  });

  it("do not take the answer to an older wish", () => {
    expect(through([wanted, sent, { is: "ended", key: "key-0", state: done }]).is).toBe("sending");
  });

  it("agree on one of two wishes that were made at the same moment", () => {
    const other = { ...wish, key: "key-2" };
    expect(through([wanted, { is: "overwritten", wish: other }])).toEqual({ is: "sending", wish: other });
    expect(through([wanted, sent, { is: "overwritten", wish: other }])).toMatchObject({ wish: { key: "key-1" } });
    expect(through([wanted, { is: "ended", key: "key-2", state: done }])).toBe(done);
  });
});

describe("a refusal", () => {
  it("says itself whether the same again can help where its name does not", () => {
    expect(meaningOf(problem("not-found", { retry: "now" }))).toBe("unsure");
    expect(meaningOf(problem("not-found"))).toBe("no");
    expect(meaningOf(problem("made-up-tomorrow"))).toBe("no");
    expect(meaningOf(problem("made-up-tomorrow", { retry: "now" }))).toBe("unsure");
  });
});
