/** Whatever happens to a click on its way: at most one order, and the page finds out by itself. */
import { busy, Claims, loseAnswer } from "./bed/claims";
import { LAMP, paidFromWallet } from "./bed/goods";
import { newcomer } from "./bed/person";
import { buyButton, item, ordersOf, seeOrder, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { say } from "./bed/words";

/** A sale in which a second order would be allowed: only the key stands between a shopper and two lamps. */
async function sell(prefix: string): Promise<Sale> {
  return Sale.apply(prefix, { displayName: "Only one, please", items: [LAMP], ...paidFromWallet() });
}

test("an answer that is lost on its way is asked for again with the same key", async ({ page, signIn, look }) => {
  const sale = await sell("lost-answer");
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  let lost = true;
  const claims = await Claims.of(page, (route) => (lost ? loseAnswer(route) : route.continue()));
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "waiting.unanswered"));
  await look("unanswered");
  lost = false;
  await seeOrder(page, "held");
  expect(claims.keys.length).toBeGreaterThanOrEqual(2);
  expect(claims.key).toMatch(/^[\w-]{20,64}$/);
  await ordersOf(email, sale, 1);
});

test("offline it waits, says so, and goes on with the network", async ({ page, context, signIn, look }) => {
  const sale = await sell("offline");
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  const live = page.getByText(say("sale", "fresh.stream"), { exact: true });
  await expect(live).toBeVisible();
  const claims = await Claims.of(page);
  await context.setOffline(true);
  await expect(page.getByText(say("common", "offline"))).toBeVisible();
  await expect(live).toBeHidden();
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "waiting.offline"));
  await look("offline");
  await context.setOffline(false);
  await seeOrder(page, "held");
  expect(claims.key).toBeTruthy();
  await ordersOf(email, sale, 1);
});

test("busy is tried again by itself, with the same key", async ({ page, signIn, look }) => {
  const sale = await sell("busy");
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  let full = true;
  const claims = await Claims.of(page, (route) => (full ? busy(route) : route.continue()));
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "waiting.busy"));
  await look("busy");
  full = false;
  await seeOrder(page, "held");
  expect(claims.keys.length).toBeGreaterThanOrEqual(2);
  expect(claims.key).toBeTruthy();
  await ordersOf(email, sale, 1);
});

test("a reload before the claim arrived sends it once", async ({ page, signIn, look }) => {
  const sale = await sell("reload-early");
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  const { promise: reloaded, resolve: release } = Promise.withResolvers<void>();
  const claims = await Claims.of(page, async (route, nth) => {
    if (nth > 1) return route.continue();
    await reloaded;
    // Its page is gone; the browser drops it.
    await route.abort().catch(() => {});
  });
  await buyButton(page).click();
  const pending = item(page).getByRole("button", { name: say("order", "buy.pending") });
  await expect(pending).toBeDisabled();
  await expect(item(page)).toContainText(say("order", "pending.soon"));
  await look("buying");
  await page.reload();
  release();
  await seeOrder(page, "held");
  expect(claims.keys).toHaveLength(2);
  expect(claims.key).toBeTruthy();
  await ordersOf(email, sale, 1);
});

test("a reload after the claim arrived finds what it brought", async ({ page, signIn }) => {
  const sale = await sell("reload-late");
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: reloaded, resolve: release } = Promise.withResolvers<void>();
  const claims = await Claims.of(page, async (route, nth) => {
    if (nth > 1) return route.continue();
    await route.fetch({ headers: { ...(await route.request().allHeaders()), "sec-fetch-site": "same-origin" } });
    arrive();
    await reloaded;
    await route.abort().catch(() => {});
  });
  await buyButton(page).click();
  await arrived;
  const [first] = await ordersOf(email, sale, 1);
  await page.reload();
  release();
  await seeOrder(page, "held");
  await expect(page).toHaveURL(new RegExp(`/orders/${first?.id}$`));
  expect(claims.key).toBeTruthy();
  await ordersOf(email, sale, 1);
});

test("a double click is one order", async ({ page, signIn }) => {
  const sale = await sell("double-click");
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  const claims = await Claims.of(page);
  await buyButton(page).dblclick();
  await seeOrder(page, "held");
  expect(claims.keys).toHaveLength(1);
  await ordersOf(email, sale, 1);
});

test("a click after the yes, while the order's page is still on its way, is no second order", async ({
  page,
  signIn,
}) => {
  const sale = await sell("slow-page");
  const email = await newcomer();
  await signIn(email);
  const { promise: clicked, resolve: release } = Promise.withResolvers<void>();
  await page.route(/\/assets\/order-page-[^/]*\.js$/, async (route) => {
    await clicked;
    await route.continue();
  });
  await page.goto(sale.path);
  const claims = await Claims.of(page);
  await buyButton(page).click();
  const seen = item(page).getByRole("link", { name: say("order", "done.see"), exact: true });
  await expect(seen).toBeVisible();
  const button = item(page).getByRole("button", { name: say("order", "buy.pending"), exact: true });
  await expect(button).toBeDisabled();
  for (let n = 0; n < 3; n++) await button.click({ force: true });
  expect(claims.keys).toHaveLength(1);
  release();
  await seeOrder(page, "held");
  await page.goBack();
  // Whoever comes back can buy again; what they have is told below.
  await expect(buyButton(page)).toBeEnabled();
  expect(claims.keys).toHaveLength(1);
  await ordersOf(email, sale, 1);
});

test("two tabs that buy the same at once share one order", async ({ page, context, signIn }) => {
  const sale = await sell("two-tabs");
  const email = await newcomer();
  await signIn(email);
  const other = await context.newPage();
  await Promise.all([page.goto(sale.path), other.goto(sale.path)]);
  await Promise.all([expect(buyButton(page)).toBeEnabled(), expect(buyButton(other)).toBeEnabled()]);
  // Whoever presses once the first claim was answered wants a second order.
  const { promise: pressed, resolve: answer } = Promise.withResolvers<void>();
  const claims = await Claims.of(page, async (route) => {
    await pressed;
    await route.continue();
  });
  const buttons = await Promise.all([buyButton(page).elementHandle(), buyButton(other).elementHandle()]);
  await Promise.all(buttons.map((button) => button?.evaluate((element) => (element as HTMLElement).click())));
  await expect.poll(() => claims.keys.length).toBeGreaterThan(0);
  answer();
  await Promise.all([seeOrder(page, "held"), seeOrder(other, "held")]);
  expect(other.url()).toBe(page.url());
  expect(claims.key).toBeTruthy();
  await ordersOf(email, sale, 1);
  await expect(title(other)).toBeVisible();
});

test("who buys a second time on purpose gets a second order", async ({ page, signIn }) => {
  const sale = await sell("again");
  const email = await newcomer();
  await signIn(email);
  const claims = await Claims.of(page);
  for (const count of [1, 2]) {
    await page.goto(sale.path);
    await buyButton(page).click();
    await seeOrder(page, "held");
    await ordersOf(email, sale, count);
  }
  expect(new Set(claims.keys).size).toBe(2);
});
