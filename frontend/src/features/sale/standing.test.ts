import { describe, expect, it } from "vitest";
import { anItem, aSale } from "./fixtures";
import { freeOfAll, saleStanding, standingOf, turnOf } from "./standing";

const none = (held?: number) => anItem({ free: 0, availability: "none-free", ...(held === undefined ? {} : { held }) });

describe("an item of which none is free", () => {
  it("is reserved while some are held, whatever is paid", () => {
    expect(standingOf(none(3), "wallet")).toBe("reserved");
    expect(standingOf(none(3), "none")).toBe("reserved");
  });

  it("is sold out only where nothing has to be paid", () => {
    for (const held of [undefined, 0]) {
      expect(standingOf(none(held), "none")).toBe("sold-out");
      expect(standingOf(none(held), "wallet")).toBe("none-free");
      expect(standingOf(none(held), "external")).toBe("none-free");
    }
  });

  it("is not one of which nothing is known", () => {
    expect(standingOf(anItem({ free: null, availability: "unknown" }), "none")).toBe("unknown");
  });
});

describe("a sale", () => {
  it("is as its best item, while it is open", () => {
    expect(saleStanding(aSale({ items: [none(), anItem()] }))).toBe("open");
    expect(saleStanding(aSale({ items: [none(), none(2)] }))).toBe("reserved");
    expect(saleStanding(aSale({ items: [none(), none()] }))).toBe("none-free");
    expect(saleStanding(aSale({ items: [none()], payment: "none" }))).toBe("sold-out");
    expect(saleStanding(aSale({ items: [none()], state: "paused" }))).toBe("paused");
  });

  it("turns when it begins, and when it ends", () => {
    const { start, end } = aSale();
    expect(turnOf(aSale({ state: "upcoming" }))).toBe(Date.parse(start));
    expect(turnOf(aSale({ state: "open" }))).toBe(Date.parse(end));
    expect(turnOf(aSale({ state: "paused" }))).toBe(Date.parse(end));
    expect(turnOf(aSale({ state: "ended" }))).toBeUndefined();
  });

  it("does not know its stock while it does not know that of one item", () => {
    expect(freeOfAll([anItem({ free: 2 }), anItem({ free: 3 })])).toBe(5);
    expect(freeOfAll([anItem({ free: 2 }), anItem({ free: null })])).toBeNull();
  });
});
