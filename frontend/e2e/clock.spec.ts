/** Shoppers whose clock is wrong see the right time all the same. */
import type { Page } from "@playwright/test";
import { LAMP, paidFromWallet } from "./bed/goods";
import { newcomer } from "./bed/person";
import { buyButton, ordersOf, seeOrder } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";

const HOUR_MS = 3_600_000;

/** Sets the page's clock wrong, whenever it is asked; `window.clockError` can be changed while the page is open. */
async function misset(page: Page, byMs: number) {
  await page.addInitScript((byMs) => {
    const Real = Date;
    const error = () => (window as unknown as { clockError?: number }).clockError ?? byMs;
    class Wrong extends Real {
      constructor(...given: [] | [number]) {
        super(...((given.length === 0 ? [Real.now() + error()] : given) as [number]));
      }
      static override now() {
        return Real.now() + error();
      }
    }
    globalThis.Date = Wrong as DateConstructor;
  }, byMs);
}

/** Checks that the countdown leads to a moment; as it is drawn once a second, it may be late for a look or two. */
async function expectCountdownTo(page: Page, momentMs: number) {
  await expect(async () => {
    const digits = (await page.getByRole("timer").textContent())?.match(/\d+/g) ?? [];
    const shown = digits.reduce((sum, part) => sum * 60 + Number(part), 0);
    expect(Math.abs(shown - (momentMs - Date.now()) / 1_000)).toBeLessThanOrEqual(2);
  }).toPass();
}

for (const [name, byMs] of [
  ["three hours slow", -3 * HOUR_MS],
  ["a day fast", 24 * HOUR_MS],
] as const) {
  test(`a clock that is ${name} changes nothing`, async ({ page, signIn }) => {
    const endsAt = Math.ceil(Date.now() / 1_000) * 1_000 + 3 * HOUR_MS;
    const sale = await Sale.apply("clock", {
      displayName: "What time is it",
      schedule: {
        startTime: new Date(endsAt - HOUR_MS).toISOString(),
        endTime: new Date(endsAt).toISOString(),
      },
      items: [LAMP],
      ...paidFromWallet(90),
    });
    const email = await newcomer();
    await signIn(email);
    await misset(page, byMs);
    await page.goto(sale.path);
    await expectCountdownTo(page, endsAt - HOUR_MS);

    // Somebody sets it while the page is open.
    await page.evaluate(() => Object.assign(window, { clockError: 5 * 60_000 }));
    const opensAt = await sale.opensIn(4);
    await expect(buyButton(page)).toBeEnabled();
    expect(Date.now()).toBeGreaterThanOrEqual(opensAt);
    await expectCountdownTo(page, endsAt);

    await buyButton(page).click();
    await seeOrder(page, "held");
    const [order] = await ordersOf(email, sale, 1);
    await expectCountdownTo(page, Date.parse(order?.expiresAt ?? ""));
  });
}
