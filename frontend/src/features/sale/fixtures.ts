/** Sales to test with. */
import type { Item, SaleEvent, TimedSale } from "@/api/schema";

export const anItem = (of: Partial<Item> = {}): Item => ({
  sku: "A",
  name: "Aurora",
  quantity: 100,
  free: 50,
  availability: "available",
  perOrder: 5,
  ...of,
});

export const aSale = (of: Partial<TimedSale> = {}): TimedSale => ({
  id: "aurora-3f2a9c1e",
  name: "Aurora, first batch",
  state: "open",
  start: "2027-03-14T09:00:00Z",
  end: "2027-03-14T10:00:00Z",
  payment: "wallet",
  holdSeconds: 300,
  guestsAllowed: false,
  serverTime: "2027-03-14T09:00:00Z",
  items: [anItem()],
  ...of,
});

export const anEvent = (of: Partial<SaleEvent> = {}): SaleEvent => ({
  serverTime: "2027-03-14T09:00:05Z",
  state: "open",
  start: "2027-03-14T09:00:00Z",
  end: "2027-03-14T10:00:00Z",
  items: [],
  ...of,
});
