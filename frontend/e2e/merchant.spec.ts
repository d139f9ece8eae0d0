/** What merchants see of a sale, and what they can do. */
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { LAMP, PRICE_MINOR, paidFromWallet } from "./bed/goods";
import { MERCHANT, newcomer, somebodyWithMoney } from "./bed/person";
import { buyButton, payFromWallet, seeOrder, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, signInBrowser, test, watch } from "./bed/test";
import { money, say } from "./bed/words";

const merchant = (key: string, values = {}) => say("merchant", key, values);

/** A number among the figures of money. */
function figure(page: Page, key: string) {
  return page.getByRole("definition").filter({ hasText: merchant(`money.${key}Text`) });
}

test("a merchant sees what was sold, gives one order's money back, and takes the settlement along", async ({
  page,
  browser,
  signIn,
  look,
}, { workerIndex }) => {
  const sale = await Sale.apply("books", { displayName: "For the books", items: [LAMP], ...paidFromWallet() });
  await signIn(somebodyWithMoney(workerIndex));
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  await payFromWallet(page, money(PRICE_MINOR));
  const order = new URL(page.url()).pathname.split("/").at(-1) ?? "";

  await sale.isInBooks();
  const office = await browser.newContext({ acceptDownloads: true });
  const faults = watch(office);
  await signInBrowser(office, MERCHANT);
  const desk = await office.newPage();
  await desk.goto("/");
  await desk.getByRole("link", { name: say("common", "nav.merchant"), exact: true }).click();
  await desk.getByRole("main").locator(`a[href="/merchant/${sale.id}"]`).click();
  await expect(title(desk)).toHaveText("For the books");
  await expect(figure(desk, "revenue")).toContainText(money(PRICE_MINOR));
  await look("merchant-statement", desk);

  await test.step("the settlement can be taken along", async () => {
    const coming = desk.waitForEvent("download");
    await desk.getByRole("link", { name: merchant("download.orders"), exact: true }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/\.csv$/);
    const [head = "", ...rows] = (await readFile(await download.path(), "utf8")).trim().split(/\r?\n/);
    expect(head.split(",").length).toBeGreaterThan(5);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toContain(order);
  });

  await test.step("a refund is asked about, done once, and seen by the shopper", async () => {
    await desk.getByRole("button", { name: merchant("refund.action"), exact: true }).click();
    const question = desk.getByRole("dialog", { name: merchant("refund.title") });
    await expect(question).toContainText(money(PRICE_MINOR));
    await look("merchant-refund", desk);
    await question.getByRole("button", { name: merchant("refund.action"), exact: true }).click();
    await expect(desk.getByText(merchant("refund.done"))).toBeVisible();
    await expect.poll(() => sale.status("items[0].free")).toBe("5");
    await page.reload();
    await seeOrder(page, "refunded");
    await look("order-refunded");
    await page.goto("/account");
    const back = page.getByRole("listitem").filter({ hasText: say("account", "entry.cause.refund") });
    await expect(back.first()).toContainText(`+${money(PRICE_MINOR)}`);
  });

  await test.step("the books say so", async () => {
    await expect(async () => {
      await desk.reload();
      await expect(figure(desk, "refunded")).toContainText(money(PRICE_MINOR), { timeout: 2_000 });
    }).toPass();
    await desk.goto("/merchant");
    await expect(desk.locator(`a[href="/merchant/${sale.id}"]`)).toBeVisible();
    await look("merchant", desk);
  });
  await office.close();
  expect(faults).toEqual([]);
});

test("a shopper is told clearly that this part is not theirs", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("not-theirs", { displayName: "Not theirs", items: [LAMP] });
  await signIn(await newcomer());
  await page.goto("/");
  await expect(page.getByRole("link", { name: say("common", "nav.account"), exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: say("common", "nav.merchant"), exact: true })).toBeHidden();
  await page.goto(`/merchant/${sale.id}`);
  await expect(page.getByText(merchant("only.title"))).toBeVisible();
  await look("merchant-not-theirs");
  const answer = await page.request.get(`/v1/sales/${sale.id}/statement`);
  expect(answer.status()).toBe(403);
});
