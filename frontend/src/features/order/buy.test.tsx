import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverClock } from "@/api/clock";
import type { Order } from "@/api/schema";
import { claimUnits } from "./api/claim-units";
import { Buy } from "./buy";
import { placeOf } from "./wish/place";

const shop = vi.hoisted(() => ({ navigate: vi.fn() }));
vi.mock("@tanstack/react-router", () => ({
  Link: "a",
  useLocation: () => "/",
  useNavigate: () => shop.navigate,
  useRouter: () => ({ preloadRoute: () => Promise.resolve() }),
}));
vi.mock("@/api/session", () => ({ useSession: () => ({ customer: "ann" }), sessionQuery: { queryKey: ["session"] } }));
vi.mock("./use-buyer", () => ({ useBuyer: () => ({ customer: "ann" }) }));
vi.mock("./use-words", () => ({ useWords: () => ({ t: (key: string) => key, locale: "en" }) }));
vi.mock("./api/claim-units", () => ({ claimUnits: vi.fn() }));

const sale = { id: "aurora-3f2a9c1e", state: "open", end: "2099-03-14T13:00:00Z", guestsAllowed: false } as const;
const price = { amount: 100, currency: "EUR" } as never;
const button = () => screen.getByRole("button", { name: /^buy\./ });
const link = () => screen.queryByText("done.see");
const settle = () => act(() => vi.advanceTimersByTimeAsync(0));

/** A navigation that goes on until it is told how it ended. */
let going: PromiseWithResolvers<void>;
/** What senders know of an item stays as long as the page, so each test buys another one. */
let nth = 0;

function open() {
  return render(<Buy sale={sale} item={{ sku: `lamp-${nth}`, availability: "available", price }} quantity={1} />);
}

async function click() {
  fireEvent.click(button());
  await settle();
}

function look(how: "visible" | "hidden") {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(how);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2027-03-14T12:00:00Z") });
  vi.spyOn(serverClock, "now").mockImplementation(() => Date.now());
  nth += 1;
  going = Promise.withResolvers();
  shop.navigate.mockReset().mockImplementation(() => going.promise);
  vi.mocked(claimUnits)
    .mockReset()
    .mockImplementation(async (of) => ({ id: `order-${nth}`, sale: of, state: "held" }) as Order);
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  localStorage.clear();
});

describe("the button that buys", () => {
  it("stays shut after the yes until its page is left: a second click sends nothing", async () => {
    open();
    await click();
    expect(shop.navigate).toHaveBeenCalledTimes(1);
    for (let n = 0; n < 3; n++) await click();
    expect(button().getAttribute("aria-disabled")).toBe("true");
    expect(claimUnits).toHaveBeenCalledTimes(1);
    expect(shop.navigate).toHaveBeenCalledTimes(1);
  });

  it("says that it is done, with a link, only when its page is long in going", async () => {
    open();
    await click();
    expect(link()).toBeNull();
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    expect(link()).not.toBeNull();
    await click();
    expect(claimUnits).toHaveBeenCalledTimes(1);
  });

  it("forgets the wish with the page, and buys anew for whoever comes back", async () => {
    const { unmount } = open();
    await click();
    unmount();
    going.resolve();
    await settle();
    open();
    expect(link()).toBeNull();
    expect(button().getAttribute("aria-disabled")).toBe("false");
    await click();
    const keys = vi.mocked(claimUnits).mock.calls.map(([, , { key }]) => key);
    expect(new Set(keys).size).toBe(2);
  });

  it("shows the order's link to whom the page could not bring there, or who came back before", async () => {
    for (const how of ["resolve", "reject"] as const) {
      open();
      await click();
      going[how]();
      await settle();
      expect(link(), how).not.toBeNull();
      expect(button().getAttribute("aria-disabled"), how).toBe("false");
      expect(shop.navigate, how).toHaveBeenCalledTimes(1);
      cleanup();
      shop.navigate.mockClear();
      going = Promise.withResolvers();
      nth += 1;
    }
  });

  it("stays shut while nobody looks, and goes to the order when somebody does", async () => {
    open();
    fireEvent.click(button());
    look("hidden");
    await settle();
    expect(shop.navigate).not.toHaveBeenCalled();
    await click();
    expect(claimUnits).toHaveBeenCalledTimes(1);
    await act(async () => look("visible"));
    await act(async () => look("visible"));
    expect(shop.navigate).toHaveBeenCalledTimes(1);
  });

  it("goes nowhere by itself with a wish that was done when the page was opened", async () => {
    const { unmount } = open();
    fireEvent.click(button());
    unmount();
    await settle();
    open();
    await settle();
    expect(shop.navigate).not.toHaveBeenCalled();
    expect(link()).not.toBeNull();
    expect(button().getAttribute("aria-disabled")).toBe("false");
  });

  it("leaves nothing stored of a wish that is done", async () => {
    open();
    const deed = { to: "buy", sale: sale.id, sku: `lamp-${nth}`, quantity: 1 } as const;
    await click();
    expect(localStorage.getItem(placeOf("ann", deed))).toBeNull();
  });
});
