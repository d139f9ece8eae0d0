/** Sessions that end while somebody buys: the wish waits for whoever made it, and for nobody else. */
import { busy, Claims } from "./bed/claims";
import { LAMP, paidFromWallet } from "./bed/goods";
import { newcomer, PASSWORD, Person } from "./bed/person";
import { buyButton, item, ordersOf, seeOrder, signInByForm, step, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { say } from "./bed/words";

test("a wish outlives the session, and goes on after signing in", async ({ page, context, signIn, look }) => {
  const sale = await Sale.apply("expired", { displayName: "Session over", items: [LAMP], ...paidFromWallet() });
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  await expect(buyButton(page)).toBeEnabled();
  const claims = await Claims.of(page);
  await context.clearCookies();
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "signedOut"));
  await expect(page.getByText(say("common", "sessionEnd.text"))).toBeVisible();
  await look("session-ended");
  expect(await (await Person.signedIn(email)).orders(sale.id)).toEqual([]);

  await step(page, "signIn").click();
  await signInByForm(page, email, PASSWORD);
  await seeOrder(page, "held");
  expect(claims.keys).toHaveLength(2);
  expect(claims.key).toBeTruthy();
  await ordersOf(email, sale, 1);
});

test("somebody else who signs in at the same browser never sends it", async ({ page, context, signIn }) => {
  const sale = await Sale.apply("other", { displayName: "Not mine", items: [LAMP], ...paidFromWallet() });
  const [mine, theirs] = [await newcomer(), await newcomer()];
  await signIn(mine);
  await page.goto(sale.path);
  await expect(buyButton(page)).toBeEnabled();
  const claims = await Claims.of(page);
  await context.clearCookies();
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "signedOut"));
  expect(claims.keys).toHaveLength(1);

  await test.step("the other one finds a page that wants nothing", async () => {
    await step(page, "signIn").click();
    await signInByForm(page, theirs, PASSWORD);
    await expect(buyButton(page)).toBeEnabled();
    await page.reload();
    await expect(buyButton(page)).toBeEnabled();
    await expect(item(page)).not.toContainText(say("order", "signedOut"));
    expect(claims.keys).toHaveLength(1);
    expect(await (await Person.signedIn(theirs)).orders(sale.id)).toEqual([]);
  });

  await test.step("whose it is finds it again", async () => {
    await context.clearCookies();
    await signIn(mine);
    await page.goto(sale.path);
    await seeOrder(page, "held");
    expect(claims.keys).toHaveLength(2);
    expect(claims.key).toBeTruthy();
    await ordersOf(mine, sale, 1);
  });
});

test("a wish that waits is not sent for whoever has signed in meanwhile", async ({ page, context, signIn }) => {
  const sale = await Sale.apply("meanwhile", { displayName: "Meanwhile", items: [LAMP], ...paidFromWallet() });
  const [mine, theirs] = [await newcomer(), await newcomer()];
  await signIn(mine);
  await page.goto(sale.path);
  await expect(buyButton(page)).toBeEnabled();
  // Between the first try and the next, the browser's session becomes somebody else's, of which this page hears nothing.
  const claims = await Claims.of(page, async (route, nth) => {
    if (nth > 1) return route.continue();
    await signIn(theirs, context);
    await busy(route);
  });
  await buyButton(page).click();
  await expect.poll(() => claims.keys.length).toBe(2);
  await expect(buyButton(page)).toBeEnabled();
  for (const email of [mine, theirs]) expect(await (await Person.signedIn(email)).orders(sale.id)).toEqual([]);
});

test("who signs out in one tab is signed out in the other, and their order is no longer shown", async ({
  page,
  context,
  signIn,
}) => {
  const sale = await Sale.apply("tabs", { displayName: "Two tabs", items: [LAMP], ...paidFromWallet() });
  await signIn(await newcomer());
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  const other = await context.newPage();
  await other.goto("/account");
  await other.getByRole("button", { name: say("account", "signOut.action") }).click();
  await expect(title(page)).toHaveText(say("order", "mine.signIn.title"));
});

test("signing in from a sale leads back to it", async ({ page }) => {
  const sale = await Sale.apply("sign-in", { displayName: "Sign in first", items: [LAMP], ...paidFromWallet() });
  const email = await newcomer();
  await page.goto(sale.path);
  await item(page)
    .getByRole("link", { name: say("order", "buy.signIn") })
    .click();
  await expect(title(page)).toHaveText(say("account", "signIn.title"));
  await signInByForm(page, email, PASSWORD);
  await expect(page).toHaveURL(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
});

test("an order is shown to nobody else", async ({ page, context, signIn, look }) => {
  const sale = await Sale.apply("private", { displayName: "Private", items: [LAMP], ...paidFromWallet() });
  const theirs = await (await Person.registered()).claim(sale.id, LAMP.sku);
  await page.goto(`${sale.path}/orders/${theirs.id}`);
  await expect(title(page)).toHaveText(say("order", "mine.signIn.title"));
  await look("order-signed-out");
  await signIn(await newcomer(), context);
  await page.reload();
  // It is looked for a while, as a claim may be under way: five pauses of 16 s in all at most.
  await expect(title(page)).toHaveText(say("order", "no.notFound.title"), { timeout: 30_000 });
  await look("order-not-found");
});
