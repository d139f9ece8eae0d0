import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, render } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverClock } from "@/api/clock";
import { queryClient } from "@/api/queries";
import type { Order } from "@/api/schema";
import { OrderPage } from "./order-page";

const shop = vi.hoisted(() => ({ answer: vi.fn(), streams: false }));
vi.mock("@tanstack/react-router", () => ({ Link: "a", useLocation: () => "/" }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("./use-words", () => ({ useWords: () => ({ t: (key: string) => key, locale: "en" }) }));
vi.mock("./held", () => ({ Held: () => null }));
vi.mock("./details", () => ({ Details: () => null }));
vi.mock("@/api/session", () => ({
  useSession: () => ({ customer: "ann" }),
  useSessionFailure: () => undefined,
  sessionQuery: { queryKey: ["session"] },
}));
vi.mock("./api/watch-order", () => ({ useOrderEvents: () => shop.streams }));
vi.mock("@/api/client", () => ({
  api: { GET: (path: string) => path },
  ask: async (request: () => string) => shop.answer(request()),
}));

const START = Date.parse("2027-03-14T12:00:00Z");
const held = { id: "o", sale: "s", sku: "A", quantity: 1, state: "held", expiresAt: "2027-03-14T12:05:00Z" } as Order;

/** How often an order is read within a minute by a page that drew this. */
async function readsOfOneThatDrew(drawn: number): Promise<number> {
  vi.spyOn(Math, "random").mockReturnValue(drawn);
  render(
    <QueryClientProvider client={queryClient}>
      <OrderPage saleId="s" id="o" />
    </QueryClientProvider>,
  );
  await act(() => vi.advanceTimersByTimeAsync(60_000));
  cleanup();
  queryClient.clear();
  const reads = shop.answer.mock.calls.length - 1;
  shop.answer.mockClear();
  return reads;
}

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  vi.spyOn(serverClock, "now").mockImplementation(() => Date.now());
  shop.answer.mockReset().mockResolvedValue(held);
  shop.streams = false;
});

afterEach(() => {
  cleanup();
  queryClient.clear();
  vi.useRealTimers();
});

describe("a page of a held order", () => {
  it("reads it every so often, as often as no other page does", async () => {
    expect(await readsOfOneThatDrew(0)).toBe(30);
    expect(await readsOfOneThatDrew(0.999)).toBe(12);
  });

  it("reads it more seldom while a stream tells of it", async () => {
    shop.streams = true;
    expect(await readsOfOneThatDrew(0)).toBe(6);
  });

  it("reads it as often as without a stream once its time is over", async () => {
    shop.streams = true;
    shop.answer.mockResolvedValue({ ...held, expiresAt: "2027-03-14T11:59:59Z" });
    expect(await readsOfOneThatDrew(0)).toBe(30);
  });

  it("leaves alone what nothing happens to any more", async () => {
    shop.answer.mockResolvedValue({ ...held, state: "confirmed" });
    expect(await readsOfOneThatDrew(0)).toBe(0);
  });
});
