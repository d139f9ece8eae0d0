import { describe, expect, it } from "vitest";
import { anItem, aSale } from "./fixtures";
import { newsBetween } from "./news";

const none = anItem({ free: 0, availability: "none-free" });

describe("news of a sale", () => {
  it("tell that it opened, was paused, went on and ended", () => {
    const heard = (before: ReturnType<typeof aSale>["state"], state: typeof before) =>
      newsBetween(aSale({ state: before }), aSale({ state })).map(({ is }) => is);
    expect(heard("upcoming", "open")).toEqual(["opened"]);
    expect(heard("open", "paused")).toEqual(["paused"]);
    expect(heard("paused", "open")).toEqual(["resumed"]);
    expect(heard("open", "ended")).toEqual(["ended"]);
    expect(heard("open", "open")).toEqual([]);
  });

  it("tell when an item is gone, and when it is back", () => {
    expect(newsBetween(aSale(), aSale({ items: [none] }))).toEqual([{ is: "gone", item: "Aurora" }]);
    expect(newsBetween(aSale({ items: [none] }), aSale())).toEqual([{ is: "back", item: "Aurora" }]);
  });

  it("are silent about stock that only shrinks, and about what was not known", () => {
    expect(newsBetween(aSale(), aSale({ items: [anItem({ free: 1 })] }))).toEqual([]);
    const unknown = anItem({ free: null, availability: "unknown" });
    expect(newsBetween(aSale({ items: [unknown] }), aSale())).toEqual([]);
    expect(newsBetween(aSale(), aSale({ state: "ended", items: [none] }))).toEqual([{ is: "ended" }]);
  });
});
