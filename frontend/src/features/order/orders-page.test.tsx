import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { api } from "@/api/client";
import type { PastOrder } from "@/api/schema";
import { OrdersPage } from "./orders-page";

vi.mock("@tanstack/react-router", () => ({ Link: "a" }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@/api/session", () => ({ useSession: () => ({ customer: "ann" }), useSessionFailure: () => undefined }));

afterEach(cleanup);

const order = (id: string) =>
  ({
    id,
    sale: "aurora-3f2a9c1e",
    saleName: "Aurora",
    itemName: "Lamp",
    quantity: 1,
    state: "confirmed",
    createdAt: "2027-03-14T12:00:00Z",
  }) as PastOrder;

/** Answers with these pages, each of which but the last names the next. */
function answer(pages: PastOrder[][]) {
  let page = 0;
  vi.spyOn(api, "GET").mockImplementation((async () => {
    const orders = pages[page++];
    const data = page < pages.length ? { orders, cursor: `page-${page}` } : { orders };
    return { data, response: new Response() };
  }) as never);
}

function show() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <OrdersPage />
    </QueryClientProvider>,
  );
}

it("leaves the focus where it was when the last of my orders are shown", async () => {
  answer([[order("a")], [order("b")], [order("c")]]);
  show();
  const button = await screen.findByRole("button", { name: "more" });
  button.focus();
  button.click();
  await vi.waitFor(() => expect(screen.getAllByRole("listitem")).toHaveLength(2));
  expect(document.activeElement).toBe(button);
  button.click();
  const end = await screen.findByText("thatIsAll");
  expect(screen.getAllByRole("listitem")).toHaveLength(3);
  await vi.waitFor(() => expect(document.activeElement).toBe(end));
});

it("says nothing of an end that nobody has gone for", async () => {
  answer([[order("a")]]);
  show();
  await screen.findByRole("listitem");
  expect(screen.queryByRole("button", { name: "more" })).toBeNull();
  expect(screen.queryByText("thatIsAll")).toBeNull();
});
