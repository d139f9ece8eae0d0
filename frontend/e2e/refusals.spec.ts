/** Every no says why, with its numbers, and what can be done next. */
import { Claims } from "./bed/claims";
import { CHAIR, LAMP, PRICE_MINOR, paidFromWallet } from "./bed/goods";
import { newcomer, Person, somebodyWithMoney } from "./bed/person";
import { buyButton, item, ordersOf, seeOrder, step, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { money, say } from "./bed/words";

/** Long enough to see an order while it is held, on a slow machine too. */
const HOLD_SECONDS = 20;
/** Long enough to come back for a second order before it is over. */
const WINDOW_SECONDS = 20;

test("a limit names itself, its number, and what one has", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("limit", {
    displayName: "Two each",
    items: [{ ...LAMP, limits: { perOrder: 2, perCustomer: 2 } }],
  });
  await signIn(await newcomer());
  await page.goto(sale.path);
  await item(page)
    .getByRole("button", { name: say("sale", "quantity.more") })
    .click();
  await item(page)
    .getByRole("button", { name: say("order", "buy.some", { quantity: 2 }) })
    .click();
  await seeOrder(page, "confirmed");
  await page.goto(sale.path);
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "no.limit.title"));
  await expect(item(page)).toContainText(say("order", "no.limit.item", { limit: 2 }));
  await expect(item(page)).toContainText(say("order", "no.limit.has", { has: 2 }));
  await look("limit-reached");
  await step(page, "orders").click();
  await expect(title(page)).toHaveText(say("order", "mine.title"));
});

test("fewer than were asked for can be taken with one press", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("fewer", {
    displayName: "Several",
    items: [{ ...LAMP, limits: { perOrder: 5 } }, CHAIR],
  });
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  const lamp = item(page, "Desk lamp");
  const more = lamp.getByRole("button", { name: say("sale", "quantity.more") });
  await more.click();
  await more.click();
  await more.click();
  await look("several-items");
  const rival = await Person.registered();
  await Claims.of(page, async (route, nth) => {
    // Somebody was faster by the time the claim arrives.
    if (nth === 1) await rival.claim(sale.id, LAMP.sku, 3);
    await route.continue();
  });
  await lamp.getByRole("button", { name: say("order", "buy.some", { quantity: 4 }) }).click();
  await expect(lamp).toContainText(say("order", "no.fewer.title", { left: 2 }));
  await expect(lamp).toContainText(say("order", "no.fewer.text", { asked: 4 }));
  await expect(lamp).toContainText(say("sale", "stock.left", { count: 2 }));
  await look("fewer-left");
  await step(page, "fewer", { left: 2 }).click();
  await seeOrder(page, "confirmed");
  expect(await ordersOf(email, sale, 1)).toMatchObject([{ quantity: 2, sku: LAMP.sku }]);
});

test("a wallet that holds too little says how much, and the order stays", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("funds", { displayName: "Too little", items: [LAMP], ...paidFromWallet() });
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  await page.getByRole("button", { name: say("order", "pay.wallet", { total: money(PRICE_MINOR) }) }).click();
  const main = page.getByRole("main");
  await expect(main).toContainText(say("order", "no.funds.title"));
  await expect(main).toContainText(say("order", "no.funds.text", { balance: money(0), needed: money(PRICE_MINOR) }));
  await look("insufficient-funds");
  expect(await ordersOf(email, sale, 1)).toMatchObject([{ state: "held" }]);
});

test("a hold that nobody pays ends under their eyes, and its unit is back", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("hold", {
    displayName: "Be quick",
    items: [{ ...LAMP, quantity: 1 }],
    ...paidFromWallet(HOLD_SECONDS),
  });
  await signIn(await newcomer());
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  await seeOrder(page, "expired", HOLD_SECONDS);
  await look("order-expired");
  await page.goto(sale.path);
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 1 }));
});

test("what is given back is asked about first, and is on sale again", async ({ page, signIn, look }, {
  workerIndex,
}) => {
  const sale = await Sale.apply("cancel", { displayName: "Give back", items: [LAMP], ...paidFromWallet() });
  const email = somebodyWithMoney(workerIndex);
  await signIn(email);
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  const start = page.getByRole("button", { name: say("order", "cancel.start"), exact: true });
  const question = page.getByRole("dialog", { name: say("order", "cancel.title") });

  await start.click();
  await expect(question).toBeVisible();
  await look("cancel-question");
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(start).toBeFocused();
  await seeOrder(page, "held");

  await start.click();
  await question.getByRole("button", { name: say("order", "cancel.yes"), exact: true }).click();
  await seeOrder(page, "cancelled");
  await expect(title(page)).toBeFocused();
  await look("order-cancelled");
  expect(await ordersOf(email, sale, 1)).toMatchObject([{ state: "released", reason: "cancelled" }]);
  await expect.poll(() => sale.status("items[0].free")).toBe("5");
});

test("too many requests are waited for, and go on by themselves", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("limited", {
    displayName: "Slowly",
    items: [{ ...LAMP, limits: { perOrder: 1 } }],
    rateLimit: { requests: 1, windowSeconds: WINDOW_SECONDS },
  });
  await signIn(await newcomer());
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "confirmed");
  await page.goto(sale.path);
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "waiting.limited"));
  await look("rate-limited");
  await seeOrder(page, "confirmed", WINDOW_SECONDS);
});
