import { describe, expect, it } from "vitest";
import type { SignedIn, TimedCurrent } from "./schema";
import { endedBetween } from "./session";
import { waitMs } from "./session-end";

const ways = { password: true, oidc: false };
const serverTime = "2027-03-14T12:00:00Z";
const session: SignedIn = {
  customer: "k5f3c6m2vq7xw4tjb2ln6ahzd5yospre",
  guest: false,
  roles: [],
  expiresAt: "2027-03-14T13:00:00Z",
};
const nobody: TimedCurrent = { ways, serverTime };
const somebody: TimedCurrent = { ways, serverTime, session };

describe("a session", () => {
  it("has ended when somebody was signed in and is not any more", () => {
    expect(endedBetween({ ...somebody, ended: false }, nobody)).toBe(true);
  });

  it("stays ended however often that is asked, until somebody signs in", () => {
    expect(endedBetween({ ...nobody, ended: true }, nobody)).toBe(true);
    expect(endedBetween({ ...nobody, ended: true }, somebody)).toBe(false);
  });

  it("has not ended where there was none", () => {
    expect(endedBetween(undefined, nobody)).toBe(false);
    expect(endedBetween({ ...nobody, ended: false }, nobody)).toBe(false);
  });

  it("is looked at when it should be over, every minute before, and never in a circle", () => {
    expect(waitMs(50_000, 20_000)).toBe(30_000);
    expect(waitMs(90_000_000, 0)).toBe(60_000);
    expect(waitMs(1_000, 5_000)).toBe(2_000);
  });
});
