import { cleanup, render, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Problem } from "@/api/schema";
import { Progress } from "./progress";
import type { State, Wish } from "./wish/wish";

vi.mock("@tanstack/react-router", () => ({ Link: "a", useLocation: () => "/" }));
vi.mock("./use-words", () => ({ useWords: () => ({ t: (key: string) => key, locale: "en" }) }));

const wish: Wish = {
  deed: { to: "buy", sale: "aurora-3f2a9c1e", sku: "A", quantity: 1 },
  key: "key-1",
  customer: "ann",
  ends: Date.now() + 3_600_000,
  askedAt: Date.now() - 2_000,
  tries: 1,
  unsure: false,
  patient: false,
  last: false,
};
const sending: State = { is: "sending", wish };
const waiting: State = { is: "waiting", wish, pause: "busy", until: Date.now() + 8_000 };
const unanswered: State = { ...waiting, wish: { ...wish, unsure: true }, pause: "unanswered" };
const unknown: State = { is: "unknown", wish };

afterEach(cleanup);

function show(first: State) {
  const tell = vi.fn();
  const view = (state: State) => <Progress state={state} tell={tell} />;
  const { rerender } = render(view(first));
  return {
    tell,
    next: (state: State) => rerender(view(state)),
    leave: () => screen.queryByRole("button", { name: "step.leave" }),
    news: () => screen.getByRole("status"),
  };
}

describe("how it stands with a wish", () => {
  it("is told without what can be done about it", () => {
    for (const state of [waiting, unknown, { is: "unkept", wish }, { is: "signed-out", wish }] satisfies State[]) {
      const { news } = show(state);
      expect(news().textContent, state.is).not.toBe("");
      expect(within(news()).queryAllByRole("button"), state.is).toEqual([]);
      expect(news().querySelector("a"), state.is).toBeNull();
      expect(document.querySelectorAll("button, a").length, state.is).toBeGreaterThan(0);
      cleanup();
    }
  });

  it("says the same while it is sent once more", () => {
    const { next, news } = show(waiting);
    const before = within(news()).getByText("waiting.busy", { exact: false });
    next(sending);
    expect(within(news()).getByText("waiting.busy", { exact: false })).toBe(before);
  });

  it("offers to leave it from the first pause on, and keeps the focus there", () => {
    const { next, leave, tell } = show(sending);
    expect(leave()).toBeNull();
    next(waiting);
    const button = leave();
    button?.focus();
    next(sending);
    expect(leave()).toBe(button);
    expect(document.activeElement).toBe(button);
    expect(button?.getAttribute("aria-disabled")).toBe("true");
    button?.click();
    expect(tell).not.toHaveBeenCalled();
    for (const state of [waiting, unknown] as const) {
      next(state);
      expect(document.activeElement, state.is).toBe(button);
      expect(button?.getAttribute("aria-disabled"), state.is).not.toBe("true");
    }
    button?.click();
    expect(tell).toHaveBeenCalledWith({ is: "leave" });
  });

  it("does not let it be left while it may have come true unseen", () => {
    const { next, leave, tell } = show(unanswered);
    expect(leave()).toBeNull();
    next(waiting);
    next(unanswered);
    expect(leave()?.getAttribute("aria-disabled")).toBe("true");
    leave()?.click();
    expect(tell).not.toHaveBeenCalled();
  });

  it("forgets what it offered with the end of the wish", () => {
    const { next, leave } = show(waiting);
    next({ is: "idle" });
    expect(leave()).toBeNull();
    next({ is: "sending", wish: { ...wish, key: "key-2" } });
    expect(leave()).toBeNull();
  });

  it("takes no room before there is something to say", () => {
    const { news } = show({ is: "sending", wish: { ...wish, askedAt: Date.now() + 60_000 } });
    expect(news().childNodes).toHaveLength(0);
    expect(news().parentElement?.querySelectorAll("button")).toHaveLength(0);
  });

  it("is a refusal in words in the end", () => {
    const problem = { type: "https://sluice.dev/problems/sold-out", retry: "never", detail: "" } as unknown as Problem;
    const { news } = show({ is: "refused", wish, problem });
    expect(news().textContent).toContain("no.soldOut.title");
  });

  it("names what the shop finds it by once nobody knows, and does not read that out", () => {
    const known = { ...wish, key: "0b7f6e5d-4c3b-4a29-8180-706f5e4d3c2b" };
    const { next, news } = show({ is: "waiting", wish: known, pause: "busy", until: undefined });
    expect(screen.queryByText("unknown.reference", { exact: false })).toBeNull();
    next({ is: "unknown", wish: known });
    const reference = screen.getByText("0b7f6e5d4c3b4a298180706f5e4d3c2b");
    expect(news().contains(reference)).toBe(false);
  });
});
