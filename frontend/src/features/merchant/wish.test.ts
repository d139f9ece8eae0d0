import { describe, expect, it } from "vitest";
import { Wishes } from "./wish";

function storage() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
}

function wishes(of = storage()) {
  let made = 0;
  return { of, wishes: new Wishes(of, () => `key-${++made}`) };
}

describe("the wish to refund an order", () => {
  it("has one key until its outcome is known", () => {
    const { wishes: open } = wishes();
    expect(open.isOpen("a")).toBe(false);
    expect([open.keyOf("a"), open.keyOf("a"), open.keyOf("b")]).toEqual(["key-1", "key-1", "key-2"]);
    open.settle("a");
    expect(open.isOpen("a")).toBe(false);
    expect(open.keyOf("a")).toBe("key-3");
  });

  it("is stored before anybody has its key", () => {
    const { of, wishes: open } = wishes();
    const key = open.keyOf("a");
    expect([...of.kept.values()]).toEqual([key]);
  });

  it("outlives the page", () => {
    const { of, wishes: before } = wishes();
    const key = before.keyOf("a");
    const { wishes: after } = wishes(of);
    expect(after.isOpen("a")).toBe(true);
    expect(after.keyOf("a")).toBe(key);
  });

  it("has a key until its outcome is known also where the storage is full", () => {
    const full = storage();
    full.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const { wishes: open } = wishes(full);
    expect([open.keyOf("a"), open.keyOf("a"), open.keyOf("b")]).toEqual(["key-1", "key-1", "key-2"]);
    expect(open.isOpen("a")).toBe(true);
    open.settle("a");
    expect([open.isOpen("a"), open.isOpen("b")]).toEqual([false, true]);
    expect(open.keyOf("a")).toBe("key-3");
  });
});
