import { describe, expect, it } from "vitest";
import type { OrderEvent, PastOrder } from "@/api/schema";
import { safeUrl } from "../safe-url";
import { told } from "./watch-order";

const event: OrderEvent = {
  id: "o",
  sale: "s",
  number: 0,
  sku: "A",
  quantity: 1,
  state: "confirmed",
  serverTime: "2027-03-14T12:00:00Z",
};

describe("an order that an event tells of", () => {
  it("is that of the event: what it has no more is gone", () => {
    const held = { ...event, state: "held" as const, expiresAt: "2027-03-14T12:05:00Z", payURL: "https://pay.example" };
    expect(told(held, event)).toEqual({ id: "o", sale: "s", number: 0, sku: "A", quantity: 1, state: "confirmed" });
  });

  it("keeps the names that only the ledger knows", () => {
    const past = { ...event, itemName: "Lamp", saleName: "Lamps", createdAt: "x", updatedAt: "y" } as PastOrder;
    expect(told(past, event)).toMatchObject({
      itemName: "Lamp",
      saleName: "Lamps",
      createdAt: "x",
      state: "confirmed",
    });
  });
});

describe("where to pay", () => {
  it("is an address of the web", () => {
    expect(safeUrl("https://pay.example/o")).toBe("https://pay.example/o");
    for (const url of [undefined, "", "javascript:alert(1)", "data:text/html,x", "/here"]) {
      expect(safeUrl(url), url).toBeUndefined();
    }
  });
});
