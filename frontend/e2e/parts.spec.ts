/** A part of the page that does not arrive: whoever asks again gets it, and nobody is left with nothing. */
import { LAMP } from "./bed/goods";
import { item, saleLink, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { say } from "./bed/words";

// What the browser notes of it is what this is about.
test.use({ meant: /Failed to fetch dynamically imported module|a part of the page did not arrive/ });

test("offline it is said so, and it comes with the network", async ({ page, context, look }) => {
  const sale = await Sale.apply("part-offline", { displayName: "Far away", items: [LAMP] });
  await page.goto("/");
  await expect(saleLink(page, sale)).toBeVisible();
  await context.setOffline(true);
  await saleLink(page, sale).click();
  await expect(page.getByText(say("common", "failed.unreachable"), { exact: true })).toBeVisible();
  await look("part-offline");
  await context.setOffline(false);
  await expect(item(page)).toBeVisible();
  expect(new URL(page.url()).pathname).toBe(sale.path);
});

test("one that is not there any more is looked for in a page that is begun anew", async ({ page }) => {
  await page.goto("/");
  let gone = true;
  await page.route(/\/assets\/sign-in-[^/]*\.js$/, (route) =>
    gone ? route.fulfill({ status: 404 }) : route.continue(),
  );
  await page.getByRole("link", { name: say("common", "nav.signIn"), exact: true }).click();
  await expect(page.getByText(say("common", "failed.unexpected"), { exact: true })).toBeVisible();
  gone = false;
  await page.getByRole("button", { name: say("common", "again"), exact: true }).click();
  await expect(title(page)).toHaveText(say("account", "signIn.title"));
});

test("a page that could not start begins again by itself", async ({ page }) => {
  let asked = 0;
  await page.route(/\/assets\/vendor-[^/]*\.js$/, (route) => {
    asked += 1;
    return asked <= 2 ? route.fulfill({ status: 503 }) : route.continue();
  });
  await page.goto("/");
  await expect(title(page)).toBeVisible();
  expect(asked).toBeGreaterThan(2);
});
