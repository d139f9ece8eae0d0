/** Getting in, being somebody, and getting out. */
import { randomUUID } from "node:crypto";
import { LAMP, paidFromWallet } from "./bed/goods";
import { newcomer, PASSWORD, somebodyWithMoney } from "./bed/person";
import { buyButton, fillIn, item, seeOrder, signInByForm, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { money, say } from "./bed/words";

const account = (key: string, values = {}) => say("account", key, values);

test("somebody new registers, is somebody, and leaves", async ({ page, look }) => {
  const email = `${randomUUID()}@people.example`;
  await page.goto("/sign-in");
  await look("sign-in");
  await page.getByText(account("register.tab"), { exact: true }).click();
  const register = page.getByRole("button", { name: account("register.action"), exact: true });

  await test.step("what is wrong is said where it was typed, before anybody is asked", async () => {
    await fillIn(page, "nobody", "short");
    await register.click();
    await expect(page.getByText(account("rule.emailShape"))).toBeVisible();
    await expect(page.getByText(account("rule.passwordShort", { least: 8 }))).toBeVisible();
    await expect(page.getByLabel(account("email.label"))).toBeFocused();
    await look("register-wrong");
  });

  await page.getByLabel(account("name.label")).fill("Ada");
  await fillIn(page, email, PASSWORD);
  await register.click();
  await expect(page).toHaveURL("/");
  await page.getByRole("link", { name: say("common", "nav.account"), exact: true }).click();
  await expect(title(page)).toHaveText(account("account.title"));
  await expect(page.getByText("Ada", { exact: true })).toBeVisible();
  await expect(page.getByText(email)).toBeVisible();
  await expect(page.getByText(account("wallet.none"))).toBeVisible();

  await page.getByRole("button", { name: account("signOut.action"), exact: true }).click();
  await expect(page.getByRole("link", { name: say("common", "nav.signIn"), exact: true })).toBeVisible();
  await page.goto("/account");
  await expect(title(page)).toHaveText(account("signIn.title"));
});

test("an address that has an account, and a password that is not its own", async ({ page, look }) => {
  const email = await newcomer();
  await page.goto("/sign-in?returnTo=/orders");
  await page.getByText(account("register.tab"), { exact: true }).click();
  await fillIn(page, email, `${PASSWORD}-another`);
  await page.getByRole("button", { name: account("register.action"), exact: true }).click();
  await expect(page.getByRole("alert")).toContainText(account("failure.exists"));
  await look("account-exists");

  await page.getByRole("button", { name: account("failure.signInInstead"), exact: true }).click();
  await page.getByRole("button", { name: account("signIn.action"), exact: true }).click();
  await expect(page.getByRole("alert")).toContainText(account("failure.wrong"));
  await expect(page.getByLabel(account("password.label"), { exact: true })).toBeFocused();
  await look("sign-in-wrong");

  await signInByForm(page, email, PASSWORD);
  await expect(page).toHaveURL("/orders");
});

test("the wallet shows what is there and what moved", async ({ page, signIn }, { workerIndex }) => {
  await signIn(somebodyWithMoney(workerIndex));
  await page.goto("/account");
  const moved = page.getByRole("listitem").filter({ hasText: account("entry.cause.fund") });
  await expect(moved).toContainText(`+${money(50_000)}`);
});

test("a guest buys where guests may, and is told what that costs", async ({ page, look }) => {
  const sale = await Sale.apply("guests", { displayName: "For everybody", items: [LAMP], access: { guests: "Allow" } });
  await page.goto(sale.path);
  const asGuest = item(page).getByRole("button", { name: say("order", "buy.asGuest"), exact: true });
  await expect(asGuest).toBeEnabled();
  await look("buy-as-guest");
  await asGuest.click();
  await seeOrder(page, "confirmed");
  await page.goto("/account");
  await expect(page.getByText(account("account.guestNoWallet"))).toBeVisible();
  await look("account-guest");
});

test("a guest who comes to a sale for people with an account is asked to sign in", async ({ page }) => {
  const sale = await Sale.apply("no-guests", { displayName: "Members only", items: [LAMP], ...paidFromWallet() });
  await page.goto("/sign-in");
  await page.getByRole("button", { name: account("guest.action"), exact: true }).click();
  await expect(page).toHaveURL("/");
  await page.goto(sale.path);
  await expect(item(page).getByRole("link", { name: say("order", "buy.signIn") })).toBeVisible();
  await expect(buyButton(page)).toBeHidden();
});

test("whoever is known elsewhere comes back as themselves", async ({ page }) => {
  const sale = await Sale.apply("elsewhere", { displayName: "Known elsewhere", items: [LAMP] });
  await page.goto(sale.path);
  await item(page)
    .getByRole("link", { name: say("order", "buy.signIn") })
    .click();
  await page.getByRole("link", { name: account("oidc") }).click();
  // The issuer's own page: whoever types a name there is that person.
  await page.locator("input[name=login]").fill(`ada-${randomUUID().slice(0, 8)}`);
  await page.locator("input[name=password]").fill("anything");
  await page.getByRole("button").click();
  const goOn = page.getByRole("button", { name: "Continue" });
  await expect(buyButton(page).or(goOn)).toBeVisible();
  if (await goOn.isVisible()) await goOn.click();
  await expect(page).toHaveURL(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "confirmed");
});
