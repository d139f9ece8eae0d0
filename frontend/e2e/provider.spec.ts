/** Orders that are paid at a provider: the page only watches, and shows how it ends. */
import { LAMP, PRICE_MINOR } from "./bed/goods";
import { newcomer } from "./bed/person";
import { Provider } from "./bed/provider";
import { buyButton, ordersOf, seeOrder, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { test as base, expect } from "./bed/test";
import { money, say } from "./bed/words";

const test = base.extend<{ provider: Provider }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from here that it needs nothing.
  provider: async ({}, use) => {
    const provider = await Provider.open();
    await use(provider);
    await provider.close();
  },
});

async function sell(prefix: string, { checkoutURL }: Provider): Promise<Sale> {
  return Sale.apply(prefix, {
    displayName: "Paid elsewhere",
    items: [LAMP],
    payment: { mode: "External", checkoutURL },
    reservation: { holdSeconds: 120 },
  });
}

test("the way leads to the provider, and the outcome is shown as it comes", async ({
  page,
  signIn,
  provider,
  look,
}) => {
  const sale = await sell("provider", provider);
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  const there = page.getByRole("link", { name: say("order", "pay.there", { total: money(PRICE_MINOR) }) });
  await look("order-held-provider");
  const [order] = await ordersOf(email, sale, 1);
  if (order === undefined) throw new Error("no order");

  await there.click();
  await expect(title(page)).toHaveText(`Pay order ${order.id}`);
  await page.goBack();
  await seeOrder(page, "held");
  expect(await provider.report(order, "succeeded", `paid-${order.id}`)).toBe("confirmed");
  await seeOrder(page, "confirmed");
  await expect(page.getByRole("heading", { name: say("order", "details.receipt") })).toBeVisible();
  await expect.poll(() => sale.status("items[0].sold")).toBe("1");
});

test("a payment that fails leaves the order and its time as they are", async ({ page, signIn, provider }) => {
  const sale = await sell("declined", provider);
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  await buyButton(page).click();
  await seeOrder(page, "held");
  const [order] = await ordersOf(email, sale, 1);
  if (order === undefined) throw new Error("no order");
  await provider.report(order, "failed", `no-${order.id}`);
  expect(await ordersOf(email, sale, 1)).toMatchObject([{ state: "held" }]);
  await expect(page.getByRole("timer")).toBeVisible();
  await expect(
    page.getByRole("link", { name: say("order", "pay.there", { total: money(PRICE_MINOR) }) }),
  ).toBeVisible();
  await provider.report(order, "succeeded", `yes-${order.id}`);
  await seeOrder(page, "confirmed");
});
