import { describe, expect, it } from "vitest";
import { anItem, aSale } from "./fixtures";
import { mostNow } from "./quantity";
import { saleStanding, standingOf } from "./standing";
import { still } from "./still";

const of = (item: Parameters<typeof anItem>[0], serverTime = "2027-03-14T09:00:00Z") =>
  aSale({ payment: "wallet", serverTime, items: [anItem({ perOrder: 5, ...item })] });

describe("a sale that stands still", () => {
  it("is the same while numbers move that nothing turns on", () => {
    const before = still(of({ free: 50, held: 7, nextExpiry: "2027-03-14T09:05:00Z" }));
    const after = still(of({ free: 5, held: 1, nextExpiry: "2027-03-14T09:05:01Z" }, "2027-03-14T09:00:01Z"));
    expect(after).toEqual(before);
  });

  it("tells of every item what the whole one does", () => {
    for (const free of [null, 0, 1, 4, 5, 6]) {
      for (const held of [undefined, 0, 1, 9]) {
        const availability = free === null ? "unknown" : free === 0 ? "none-free" : "available";
        const whole = of({ free, availability, ...(held === undefined ? {} : { held }) });
        const [seen, item] = [still(whole), whole.items[0] ?? anItem()];
        const [same = anItem()] = seen.items;
        expect(mostNow(seen, same)).toBe(mostNow(whole, item));
        expect(standingOf(same, seen.payment)).toBe(standingOf(item, whole.payment));
        expect(saleStanding(seen)).toBe(saleStanding(whole));
      }
    }
  });
});
