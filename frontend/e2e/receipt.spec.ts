import { LAMP, PRICE_MINOR, paidFromWallet } from "./bed/goods";
import { somebodyWithMoney } from "./bed/person";
import { buyButton, item, payFromWallet, saleLink, seeOrder, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { beginningOf, money, say } from "./bed/words";

test("a sale that opens while a shopper waits: from the countdown to the receipt", async ({ page, signIn, look }, {
  workerIndex,
}) => {
  const sale = await Sale.apply("story", {
    displayName: "From countdown to receipt",
    opensIn: 3_600,
    endsIn: 7_200,
    items: [LAMP],
    ...paidFromWallet(),
  });
  await signIn(somebodyWithMoney(workerIndex));
  await page.goto("/account");
  const balance = page.getByText(/^€[\d,.]+$/).first();
  const before = Number((await balance.textContent())?.replace(/[^\d.]/g, ""));

  await test.step("it counts down and cannot be bought", async () => {
    await page.goto("/");
    await saleLink(page, sale).click();
    await expect(title(page)).toHaveText("From countdown to receipt");
    await expect(page.getByRole("timer")).toHaveAccessibleName(beginningOf("sale", "countdown.start.in"));
    const early = item(page).getByRole("button", { name: say("order", "buy.upcoming") });
    await expect(early).toBeDisabled();
    await expect(item(page)).toContainText(money(PRICE_MINOR));
  });

  await test.step("it opens by itself", async () => {
    await sale.opensIn(4);
    await expect(buyButton(page)).toBeEnabled();
    await expect(item(page)).toContainText(say("sale", "stock.left", { count: 5 }));
  });

  await test.step("one click holds one, and a second one pays it", async () => {
    await buyButton(page).click();
    await seeOrder(page, "held");
    await expect(page.getByRole("timer")).toHaveText(/^[12]:[0-5]\d$/);
    await look("order-held");
    await payFromWallet(page, money(PRICE_MINOR));
    await expect(page.getByRole("heading", { name: say("order", "details.receipt") })).toBeVisible();
    await look("order-confirmed");
  });

  const orderPath = new URL(page.url()).pathname;
  await test.step("it is among their orders, and their wallet tells where the money went", async () => {
    await page
      .getByRole("main")
      .getByRole("link", { name: say("order", "step.orders") })
      .click();
    await expect(title(page)).toHaveText(say("order", "mine.title"));
    await expect(page.locator(`a[href="${orderPath}"]`)).toContainText(say("order", "state.confirmed"));
    await look("my-orders");
    await page.getByRole("link", { name: say("common", "nav.account") }).click();
    await expect(balance).toHaveText(money(before * 100 - PRICE_MINOR));
    const paid = page
      .getByRole("listitem")
      .filter({ hasText: say("account", "entry.cause.pay") })
      .first();
    await expect(paid).toContainText("10.00");
    await expect(paid.getByRole("link", { name: "Desk lamp" })).toHaveAttribute("href", orderPath);
    await look("account");
  });

  await test.step("Kubernetes says the same", async () => {
    await expect.poll(() => sale.status("items[0].sold")).toBe("1");
    expect(await sale.status("items[0].free")).toBe("4");
  });
});
