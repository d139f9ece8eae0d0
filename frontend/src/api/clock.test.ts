import { describe, expect, it } from "vitest";
import { ServerClock } from "./clock";

const NOON = Date.parse("2027-03-14T12:00:00Z");
const at = (ms: number) => new Date(ms).toISOString();

/** A page whose own clock is an hour wrong, and whose monotonic clock is set by the test. */
function page() {
  const time = { monotonic: 1_000 };
  return {
    time,
    clock: new ServerClock(
      () => time.monotonic,
      () => NOON - 3_600_000,
    ),
  };
}

describe("the server's clock", () => {
  it("is the shopper's own until the server was heard", () => {
    expect(page().clock.now()).toBe(NOON - 3_600_000);
  });

  it("says whether the server was heard", () => {
    const { clock } = page();
    clock.learn("soon", 1_000);
    expect(clock.heard).toBe(false);
    clock.learn(at(NOON), 1_000);
    expect(clock.heard).toBe(true);
  });

  it("is what the server told, whatever the shopper's own says", () => {
    const { time, clock } = page();
    time.monotonic = 1_100;
    clock.learn(at(NOON), 1_000);
    expect(clock.now()).toBe(NOON + 50);
    time.monotonic += 5_000;
    expect(clock.now()).toBe(NOON + 5_050);
  });

  it("is known by when the answer came, however much later it is read", () => {
    const { time, clock } = page();
    time.monotonic = 1_700;
    clock.learn(at(NOON), 1_000, 1_020);
    expect(clock.now()).toBe(NOON + 10 + 680);
  });

  it("believes the quickest answer", () => {
    const { time, clock } = page();
    clock.learn(at(NOON), 990);
    time.monotonic = 3_000;
    clock.learn(at(NOON + 700), 1_000);
    expect(clock.now()).toBe(NOON + 5 + 2_000);
  });

  it("believes a slower answer once the quick one is old", () => {
    const { time, clock } = page();
    clock.learn(at(NOON), 990);
    time.monotonic += 3_600_000;
    clock.learn(at(NOON + 3_600_300), time.monotonic - 200);
    expect(clock.now()).toBe(NOON + 3_600_400);
  });

  it("believes any answer that shows that its own clock stood still", () => {
    const { time, clock } = page();
    clock.learn(at(NOON), 990);
    // Twenty minutes asleep, of which the monotonic clock knows nothing.
    time.monotonic += 1_000;
    clock.learn(at(NOON + 1_200_000), time.monotonic - 400);
    expect(clock.now()).toBe(NOON + 1_200_200);
  });

  it("is never behind what the server has sent", () => {
    const { clock } = page();
    clock.learn(at(NOON), 0);
    clock.hear(at(NOON + 9_000));
    expect(clock.now()).toBe(NOON + 9_000);
    clock.hear(at(NOON + 2_000));
    expect(clock.now()).toBe(NOON + 9_000);
  });

  it("ignores what is no time", () => {
    const { clock } = page();
    clock.learn("soon", 1_000);
    clock.hear("later");
    expect(clock.now()).toBe(NOON - 3_600_000);
  });
});
