import { describe, expect, it } from "vitest";
import { offerOf, type SaleToBuy, sells } from "./selling";

const sale: SaleToBuy = { id: "s", state: "open", end: "2027-03-14T12:00:00Z", guestsAllowed: false };
const price = { amountMinor: 100, currency: "EUR" };

describe("what is offered", () => {
  it("can be bought while the sale is open, also when nothing seems to be free", () => {
    expect(offerOf(sale, { sku: "A", availability: "available", price })).toBe("buy");
    expect(offerOf(sale, { sku: "A", availability: "unknown" })).toBe("take");
    const gone = offerOf(sale, { sku: "A", availability: "none-free", price });
    expect(gone).toBe("anyway");
    expect(sells(gone)).toBe(true);
  });

  it("cannot be bought otherwise, and says why", () => {
    for (const state of ["upcoming", "paused", "ended", "unavailable"] as const) {
      const offer = offerOf({ ...sale, state }, { sku: "A", availability: "available", price });
      expect(offer).toBe(state);
      expect(sells(offer)).toBe(false);
    }
  });
});
