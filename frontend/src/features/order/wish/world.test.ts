import { afterEach, expect, it, vi } from "vitest";
import { serverClock } from "@/api/clock";
import { queryClient } from "@/api/queries";
import { placeOf } from "./place";
import type { Deed, Wish } from "./wish";

const NOON = Date.parse("2027-03-14T12:00:00Z");
const DAY = 24 * 3_600_000;

afterEach(() => {
  vi.useRealTimers();
  localStorage.clear();
});

function store(sku: string, askedAt: number): string {
  const deed: Deed = { to: "buy", sale: "aurora-3f2a9c1e", sku, quantity: 1 };
  const flags = { unsure: true, patient: false, last: false };
  const wish: Wish = { deed, key: sku, customer: "ann", ends: NOON + DAY, askedAt, tries: 1, ...flags };
  const place = placeOf("ann", deed);
  localStorage.setItem(place, JSON.stringify(wish));
  return place;
}

it("drops old wishes once the server was heard, and by its clock alone", async () => {
  // The shopper's own clock is more than a week ahead.
  vi.useFakeTimers({ now: NOON + 8 * DAY });
  const open = store("A", NOON - 60_000);
  const old = store("B", NOON - 8 * DAY);
  await import("./world");
  queryClient.setQueryData(["anything"], 1);
  expect(localStorage.getItem(open)).not.toBeNull();
  expect(localStorage.getItem(old)).not.toBeNull();
  serverClock.learn(new Date(NOON).toISOString(), serverClock.monotonic());
  queryClient.setQueryData(["anything"], 2);
  await vi.advanceTimersByTimeAsync(10);
  expect(localStorage.getItem(open)).not.toBeNull();
  expect(localStorage.getItem(old)).toBeNull();
});
