/** What shoppers press and see, in their own words. */
import { expect, type Locator, type Page } from "@playwright/test";
import type { Order } from "../../src/api/schema";
import { Person } from "./person";
import type { Sale } from "./stack";
import { say } from "./words";

/** What leads from the list to a sale. */
export function saleLink(page: Page, sale: Sale): Locator {
  return page.locator(`a[href="${sale.path}"]`);
}

/** The card of an item; of the only one when none is named. */
export function item(page: Page, name?: string): Locator {
  const cards = page.getByRole("article");
  return name === undefined ? cards : cards.filter({ has: page.getByRole("heading", { name }) });
}

/** What buys one unit. */
export function buyButton(page: Page, name?: string): Locator {
  return item(page, name).getByRole("button", { name: say("order", "buy.buy"), exact: true });
}

/** What asks although nothing seems to be free. */
export function askButton(page: Page): Locator {
  return item(page).getByRole("button", { name: say("order", "buy.anyway"), exact: true });
}

/** A button or a link of a step that a notice offers. */
export function step(page: Page, key: string, values = {}): Locator {
  const name = say("order", `step.${key}`, values);
  return page
    .getByRole("main")
    .getByRole("button", { name, exact: true })
    .or(page.getByRole("main").getByRole("link", { name, exact: true }));
}

/** The page's first heading. */
export function title(page: Page): Locator {
  return page.getByRole("heading", { level: 1 });
}

/** How long anything may take that is done at once; the same as in playwright.config.ts. */
const AT_ONCE_MS = 15_000;

/** Waits until the page shows an order in this state, which may begin only after so many seconds. */
export async function seeOrder(
  page: Page,
  how: "held" | "confirmed" | "cancelled" | "expired" | "refunded",
  afterSeconds = 0,
) {
  const timeout = afterSeconds * 1_000 + AT_ONCE_MS;
  await expect(title(page)).toHaveText(say("order", `outcome.${how}.title`), { timeout });
  await expect(page).toHaveURL(/\/sales\/[\w-]+\/orders\/[\w-]+$/);
}

/** Pays the order that is shown. */
export async function payFromWallet(page: Page, total: string) {
  await page.getByRole("button", { name: say("order", "pay.wallet", { total }) }).click();
  await seeOrder(page, "confirmed");
}

/** Every order that somebody has in a sale, once there are so many. */
export async function ordersOf(email: string, sale: Sale, count: number): Promise<Order[]> {
  const person = await Person.signedIn(email);
  await expect.poll(async () => (await person.orders(sale.id)).length).toBe(count);
  return person.orders(sale.id);
}

/** Fills in the form to sign in. */
export async function fillIn(page: Page, email: string, password: string) {
  await page.getByLabel(say("account", "email.label")).fill(email);
  await page.getByLabel(say("account", "password.label"), { exact: true }).fill(password);
}

/** Signs in by the form. */
export async function signInByForm(page: Page, email: string, password: string) {
  await fillIn(page, email, password);
  await page.getByRole("button", { name: say("account", "signIn.action"), exact: true }).click();
}
