import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "@/api/problem";
import { queryClient } from "@/api/queries";
import type { Problem } from "@/api/schema";
import { OrderPage } from "./order-page";
import { OrdersPage } from "./orders-page";

const shop = vi.hoisted(() => ({ answer: vi.fn() }));
vi.mock("@tanstack/react-router", () => ({ Link: "a", useLocation: () => "/" }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("./use-words", () => ({ useWords: () => ({ t: (key: string) => key, locale: "en" }) }));
vi.mock("@/api/client", () => ({
  api: { GET: (path: string) => path },
  ask: async (request: () => string) => shop.answer(request()),
}));

const CURRENT = "/v1/sessions/current";
const nobody = { ways: { password: true, oidc: false }, serverTime: "2027-03-14T12:00:00Z" };
const busy = new Refused({ type: "https://sluice.dev/problems/busy", retry: "now", retryAfterSeconds: 9 } as Problem);
const pages = [() => <OrderPage saleId="aurora-3f2a9c1e" id="o" />, () => <OrdersPage />];

const asked = () => shop.answer.mock.calls.filter(([path]) => path === CURRENT).length;
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

function open(page: () => React.ReactNode) {
  queryClient.clear();
  render(<QueryClientProvider client={queryClient}>{page()}</QueryClientProvider>);
}

beforeEach(() => {
  vi.useFakeTimers();
  shop.answer.mockReset();
});

afterEach(() => {
  cleanup();
  queryClient.clear();
  vi.useRealTimers();
});

describe.each(pages)("a page of somebody's own orders", (page) => {
  it("says that it cannot be told whose they are, asks again by itself, and goes on with the answer", async () => {
    shop.answer.mockRejectedValue(new Unreachable("lost"));
    open(page);
    await pass(10_000);
    expect(screen.getByRole("alert").textContent).toContain("failed.unreachable");
    const before = asked();
    await pass(30_000);
    expect(asked()).toBeGreaterThan(before);
    expect(asked()).toBeLessThan(40);
    shop.answer.mockResolvedValue(nobody);
    await pass(20_000);
    expect(screen.queryByRole("alert")).toBeNull();
    expect(screen.getByText("mine.signIn.title")).toBeTruthy();
    const last = asked();
    await pass(30_000);
    expect(asked()).toBe(last);
  });

  it("heeds the wait that it was told, and keeps saying why while it asks again", async () => {
    shop.answer.mockRejectedValue(busy);
    open(page);
    await pass(8_900);
    expect(asked()).toBe(1);
    shop.answer.mockReturnValue(new Promise(() => {}));
    await pass(2_500);
    expect(asked()).toBe(2);
    expect(screen.getByRole("alert").textContent).toContain("failed.busy");
  });

  it("asks at once when that is pressed", async () => {
    shop.answer.mockRejectedValueOnce(busy).mockResolvedValue(nobody);
    open(page);
    await pass(0);
    fireEvent.click(screen.getByRole("button", { name: "again" }));
    await pass(0);
    expect(screen.getByText("mine.signIn.title")).toBeTruthy();
  });
});
