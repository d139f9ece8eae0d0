/** The page on the smallest phone, by keyboard alone, and without motion. */
import type { Page } from "@playwright/test";
import { CHAIR, LAMP, PRICE_MINOR, paidFromWallet } from "./bed/goods";
import { MERCHANT, newcomer, Person, somebodyWithMoney } from "./bed/person";
import { buyButton, item, saleLink, seeOrder, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { beginningOf, money, say } from "./bed/words";

/** By how many pixels the page is wider than its window. */
function overhang(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

test.describe("on a phone of 320 pixels", () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test("nothing has to be scrolled sideways", async ({ page, signIn, look }) => {
    // Many pages, each looked at by axe.
    test.slow();
    const one = await Sale.apply("narrow", { displayName: "Narrow", items: [LAMP], ...paidFromWallet(300) });
    const several = await Sale.apply("narrow-several", {
      displayName: "Sommerschlussverkaufsvorbereitungswochenende",
      items: [{ ...LAMP, displayName: "Schreibtischbeleuchtungseinrichtung", limits: { perOrder: 5 } }, CHAIR],
    });
    const email = await newcomer();
    const order = await (await Person.signedIn(email)).claim(one.id, LAMP.sku);
    await page.goto("/sign-in");
    await expect(title(page)).toBeVisible();
    expect(await overhang(page)).toBeLessThanOrEqual(0);
    await look("sign-in-320");
    await signIn(email);
    const visits: [string, string, string][] = [
      ["list", "/", say("sale", "part.running")],
      ["several", several.path, say("order", "buy.buy")],
      ["sale", one.path, say("order", "buy.buy")],
      ["order", `${one.path}/orders/${order.id}`, say("order", "outcome.held.title")],
      ["orders", "/orders", "Narrow"],
      ["account", "/account", say("account", "wallet.none")],
    ];
    for (const [name, path, sentence] of visits) {
      await page.goto(path);
      await expect(page.getByRole("main"), path).toContainText(sentence);
      expect(await overhang(page), path).toBeLessThanOrEqual(0);
      if (name !== "list") await look(`${name}-320`);
    }
  });

  test("nor by a merchant", async ({ page, signIn, look }) => {
    const sale = await Sale.apply("narrow-books", { displayName: "Narrow books", items: [LAMP, CHAIR] });
    await (await Person.registered()).claim(sale.id, LAMP.sku);
    await sale.isInBooks();
    await signIn(MERCHANT);
    for (const path of ["/merchant", `/merchant/${sale.id}`]) {
      await page.goto(path);
      await expect(page.getByRole("main")).toContainText("Narrow books");
      expect(await overhang(page), path).toBeLessThanOrEqual(0);
    }
    await expect(page.getByRole("heading", { name: say("merchant", "money.title") })).toBeVisible();
    await look("merchant-320");
  });
});

/** Presses Tab until something is focused; whatever is passed on the way shows that it is. */
async function tabTo(page: Page, what: ReturnType<Page["locator"]>) {
  for (let presses = 0; presses < 300; presses++) {
    await page.keyboard.press("Tab");
    const { seen, there } = await what.evaluate((element) => {
      const focused = document.activeElement ?? document.body;
      const { outlineStyle, outlineWidth } = getComputedStyle(focused);
      const outlined = outlineStyle !== "none" && outlineWidth !== "0px";
      return { seen: focused === document.body || outlined, there: focused === element };
    });
    expect(seen, "focus that nobody sees").toBe(true);
    if (there) return;
  }
  throw new Error("Tab never came to it");
}

test("from the list to the receipt with Tab and Enter alone", async ({ page, signIn }, { workerIndex }) => {
  const sale = await Sale.apply("keyboard", { displayName: "No mouse", items: [LAMP], ...paidFromWallet() });
  await signIn(somebodyWithMoney(workerIndex));
  await page.goto("/");
  await expect(saleLink(page, sale)).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: say("common", "skip") })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, saleLink(page, sale));
  await page.keyboard.press("Enter");
  await expect(buyButton(page)).toBeVisible();
  await tabTo(page, buyButton(page));
  await page.keyboard.press("Enter");
  await seeOrder(page, "held");
  await expect(title(page)).toBeFocused();
  await tabTo(page, page.getByRole("button", { name: say("order", "pay.wallet", { total: money(PRICE_MINOR) }) }));
  await page.keyboard.press("Enter");
  await seeOrder(page, "confirmed");
  await expect(title(page)).toBeFocused();
});

test("nothing moves for who wants no motion", async ({ page }) => {
  const sale = await Sale.apply("still", { displayName: "Keep still", items: [LAMP] });
  const running = () => page.evaluate(() => document.getAnimations().length);
  const { promise: looked, resolve: goOn } = Promise.withResolvers<void>();
  await page.route(`**/v1/sales/${sale.id}`, async (route) => {
    await looked;
    await route.continue();
  });
  await page.goto(sale.path);
  const coming = page.getByRole("heading", { level: 1, name: say("common", "loading") });
  await expect(coming).toBeAttached();
  // What is on its way pulses for everybody else.
  await expect.poll(running).toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await running()).toBe(0);
  goOn();
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 5 }));
  await (await Person.registered()).claim(sale.id, LAMP.sku);
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 4 }));
  expect(await running()).toBe(0);
});

test("the countdown is told at a human rate, and shown every second", async ({ page }) => {
  const sale = await Sale.apply("told", { displayName: "In an hour", opensIn: 3_700, endsIn: 7_200, items: [LAMP] });
  await page.goto(sale.path);
  const timer = page.getByRole("timer");
  await expect(timer).toHaveAccessibleName(beginningOf("sale", "countdown.start.in"));
  const name = await timer.getAttribute("aria-label");
  const shown = await timer.textContent();
  await expect(timer).not.toHaveText(shown ?? "");
  expect(name).toMatch(/\d (hour|minute)s?$/);
});
