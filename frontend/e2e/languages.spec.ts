/** The page in every language: all of it, in the right direction, with the numbers of its readers. */
import type { Page } from "@playwright/test";
import { LANGUAGES, type Language } from "../src/text/languages";
import { LAMP, PRICE_MINOR, paidFromWallet } from "./bed/goods";
import { MERCHANT, newcomer, Person } from "./bed/person";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { ALL_LANGUAGES, englishBut, say } from "./bed/words";

/** Every text that a reader of the page meets, seen or told. */
function texts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [document.title];
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) found.push(nodes.currentNode.textContent ?? "");
    for (const element of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]")) {
      for (const name of ["aria-label", "placeholder", "title", "alt"]) found.push(element.getAttribute(name) ?? "");
    }
    return found.map((text) => text.trim()).filter(Boolean);
  });
}

/** English sentences on a page that speaks another language. */
async function leftInEnglish(page: Page, language: Language): Promise<string[]> {
  const english = new Set(englishBut(language));
  return (await texts(page)).filter((text) => english.has(text));
}

/** An amount as the page's browser writes it. */
function moneyOf(page: Page, language: Language): Promise<string> {
  return page.evaluate(
    ([language, minor]) => new Intl.NumberFormat(language, { style: "currency", currency: "EUR" }).format(minor / 100),
    [language, PRICE_MINOR] as const,
  );
}

async function choose(page: Page, language: Language) {
  await page.locator("footer select").filter({ hasText: LANGUAGES.en }).selectOption(language);
}

for (const language of ALL_LANGUAGES.filter((language) => language !== "en")) {
  test(`everything is said in ${LANGUAGES[language]}`, async ({ page, signIn, look }) => {
    // Many pages, each looked at by axe.
    test.slow();
    const sale = await Sale.apply(`in-${language}`, {
      displayName: `${LANGUAGES[language]} 2027`,
      items: [{ ...LAMP, quantity: 1_250, limits: { perOrder: 3, perCustomer: 5 } }],
      ...paidFromWallet(300),
    });
    const email = await newcomer();
    const order = await (await Person.signedIn(email)).claim(sale.id, LAMP.sku);
    await page.goto(sale.path);
    await choose(page, language);
    const html = page.locator("html");
    await expect(html).toHaveAttribute("lang", language);
    await expect(html).toHaveAttribute("dir", language === "ar" ? "rtl" : "ltr");
    await signIn(email);

    const main = page.getByRole("main");
    const visits: [string, string][] = [
      [sale.path, say("order", "buy.buy", {}, language)],
      ["/", LANGUAGES[language]],
      [`${sale.path}/orders/${order.id}`, say("order", "outcome.held.title", {}, language)],
      ["/orders", say("order", "mine.title", {}, language)],
      ["/account", say("account", "wallet.none", {}, language)],
      ["/sign-in", say("account", "already.title", {}, language)],
      ["/merchant", say("merchant", "only.title", {}, language)],
      ["/nowhere", say("common", "notFound.title", {}, language)],
    ];
    for (const [path, sentence] of visits) {
      await page.goto(path);
      await expect(main, path).toContainText(sentence);
      expect(await leftInEnglish(page, language), path).toEqual([]);
      await expect(html).toHaveAttribute("lang", language);
    }

    await page.goto(sale.path);
    await expect(main).toContainText(await moneyOf(page, language));
    const left = await page.evaluate((language) => new Intl.NumberFormat(language).format(1_249), language);
    await expect(main).toContainText(left);
    await look(`sale-${language}`);
    if (language === "ar") {
      await page.goto(`${sale.path}/orders/${order.id}`);
      await expect(main).toContainText(say("order", "outcome.held.title", {}, language));
      await look("order-held-ar");
    }
  });
}

test("a merchant reads the books in Arabic", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("books-ar", { displayName: "مصباح", items: [LAMP] });
  await signIn(MERCHANT);
  await sale.isInBooks();
  await page.goto(`/merchant/${sale.id}`);
  await choose(page, "ar");
  await expect(page.getByRole("heading", { name: say("merchant", "money.title", {}, "ar") })).toBeVisible();
  expect(await leftInEnglish(page, "ar")).toEqual([]);
  await look("merchant-ar");
});

test.describe("whose browser wants the Spanish of Mexico", () => {
  test.use({ locale: "es-MX" });
  test("gets it without asking, with the numbers and the money of their region", async ({ page }) => {
    const sale = await Sale.apply("es-mx", { displayName: "México", items: [{ ...LAMP, quantity: 1_250 }] });
    await page.goto("/");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(say("sale", "title", {}, "es"));
    await page.goto(sale.path);
    await expect(page.getByRole("main")).toContainText("1,250");
    await expect(page.getByRole("main")).toContainText(/EUR\s10\.00/);
  });
});
