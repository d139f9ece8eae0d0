import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverClock } from "@/api/clock";
import { Refused, Unreachable } from "@/api/problem";
import { queryClient } from "@/api/queries";
import type { Order, Problem } from "@/api/schema";
import { lookAgainMs } from "./api/list-orders";
import { OrdersHere } from "./orders-here";

const shop = vi.hoisted(() => ({ answer: vi.fn() }));
vi.mock("@tanstack/react-router", () => ({ Link: "a", useLocation: () => "/" }));
vi.mock("./use-words", () => ({ useWords: () => ({ t: (key: string) => key, locale: "en" }) }));
vi.mock("@/api/session", () => ({ useSession: () => ({ customer: "ann" }) }));
vi.mock("@/api/client", () => ({
  api: { GET: (path: string) => path },
  ask: async (request: () => string) => shop.answer(request()),
}));

const START = Date.parse("2027-03-14T12:00:00Z");
const held = { id: "o", sale: "s", sku: "A", quantity: 1, state: "held", expiresAt: "2027-03-14T12:05:00Z" } as Order;
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const away = () => screen.queryByText("hereAway.title");

async function open() {
  render(
    <QueryClientProvider client={queryClient}>
      <OrdersHere sale="s" items={[{ sku: "A", name: "Lamp" }]} />
    </QueryClientProvider>,
  );
  await pass(0);
}

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  vi.spyOn(serverClock, "now").mockImplementation(() => Date.now());
  shop.answer.mockReset();
});

afterEach(() => {
  cleanup();
  queryClient.clear();
  vi.useRealTimers();
});

describe("my orders in a sale", () => {
  it("are nothing where I have none", async () => {
    shop.answer.mockResolvedValue({ orders: [] });
    await open();
    expect(document.body.textContent).toBe("");
    await pass(3_600_000);
    expect(shop.answer).toHaveBeenCalledTimes(1);
  });

  it("are not nothing when they could not be read: it is said, and tried again by itself", async () => {
    shop.answer.mockRejectedValue(new Unreachable("lost"));
    await open();
    await pass(10_000);
    expect(away()).not.toBeNull();
    shop.answer.mockResolvedValue({ orders: [held] });
    await pass(20_000);
    expect(away()).toBeNull();
    expect(screen.getByText("state.held")).toBeTruthy();
  });

  it("are asked for again at once when that is pressed", async () => {
    const busy = { type: "https://sluice.dev/problems/busy", retry: "now", retryAfterSeconds: 60 } as Problem;
    shop.answer.mockRejectedValueOnce(new Refused(busy)).mockResolvedValue({ orders: [held] });
    await open();
    fireEvent.click(screen.getByRole("button", { name: "step.again" }));
    await pass(0);
    expect(away()).toBeNull();
    expect(screen.getByText("state.held")).toBeTruthy();
  });

  it("stay, with a word, when they could be read before and cannot be now", async () => {
    shop.answer.mockResolvedValueOnce({ orders: [held] }).mockRejectedValue(new Unreachable("lost"));
    await open();
    void queryClient.invalidateQueries({ queryKey: ["orders", "s"] });
    await pass(10_000);
    expect(away()).not.toBeNull();
    expect(screen.getByText("state.held")).toBeTruthy();
  });

  it("tell of a hold that was not paid in time soon after that", async () => {
    shop.answer.mockResolvedValueOnce({ orders: [held] }).mockResolvedValueOnce({ orders: [held] });
    shop.answer.mockResolvedValue({ orders: [{ ...held, state: "released", reason: "expired" }] });
    await open();
    await pass(300_000);
    expect(shop.answer).toHaveBeenCalledTimes(1);
    await pass(10_100);
    expect(screen.getByText("state.expired")).toBeTruthy();
    await pass(3_600_000);
    expect(shop.answer).toHaveBeenCalledTimes(3);
  });
});

describe("when holds are looked at again", () => {
  it("is after the first of them is over, by a time of each page's own", () => {
    const later = { ...held, expiresAt: "2027-03-14T12:09:00Z" };
    const paid = { ...held, state: "confirmed", expiresAt: "2027-03-14T12:01:00Z" } as const;
    expect(lookAgainMs([later, paid, held], START, 2_500)).toBe(302_500);
    expect(lookAgainMs([held], START + 400_000, 2_500)).toBe(2_500);
    expect(lookAgainMs([{ ...held, expiresAt: "2037-03-14T12:05:00Z" }], START, 2_500)).toBe(3_600_000);
    expect(lookAgainMs([paid], START, 2_500)).toBe(false);
  });
});
