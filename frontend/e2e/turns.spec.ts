/** What the owner of a sale does to it while shoppers look. */
import { Claims } from "./bed/claims";
import { LAMP, paidFromWallet } from "./bed/goods";
import { newcomer } from "./bed/person";
import { buyButton, item, ordersOf, saleLink, seeOrder, step, title } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { beginningOf, escaped, say } from "./bed/words";

test("a sale is paused, goes on, and ends early under the eyes of a shopper", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("paused", { displayName: "Stop and go", items: [LAMP], ...paidFromWallet() });
  await signIn(await newcomer());
  await page.goto(sale.path);
  await expect(buyButton(page)).toBeEnabled();
  const button = (key: string) => item(page).getByRole("button", { name: say("order", key), exact: true });

  await sale.patch({ desiredState: "Paused" });
  await expect(page.getByText(say("sale", "reason.paused"))).toBeVisible();
  await expect(button("buy.paused")).toBeDisabled();
  await look("paused");

  await sale.patch({ desiredState: "Scheduled" });
  await expect(buyButton(page)).toBeEnabled();
  await expect(page.getByText(say("sale", "reason.paused"))).toBeHidden();

  await sale.patch({ desiredState: "Closed" });
  await expect(button("buy.ended")).toBeDisabled();
  await expect(page.getByText(say("sale", "endedEarly"))).toBeVisible();
  await look("ended-early");
});

test("a sale that runs out of time ends by itself", async ({ page, look }) => {
  const sale = await Sale.apply("time-up", { displayName: "Last seconds", items: [LAMP] });
  await page.goto(sale.path);
  await expect(page.getByRole("timer")).toHaveAccessibleName(beginningOf("sale", "countdown.end.in"));
  await sale.endsIn(4);
  await expect(page.getByText(beginningOf("sale", "ended"))).toBeVisible();
  await expect(page.getByText(say("sale", "standing.ended"), { exact: true })).toBeVisible();
  await expect(page.getByRole("timer")).toBeHidden();
  await look("ended");
});

test("a listener hears what happened, and not every step of it", async ({ page }) => {
  const sale = await Sale.apply("heard", { displayName: "Listen", items: [LAMP] });
  await page.goto(sale.path);
  await expect(page.getByText(say("sale", "fresh.stream"))).toBeVisible();
  const news = page.getByRole("main").getByRole("status").first();
  await expect(news).toHaveText("");
  await sale.patch({ desiredState: "Paused" });
  await expect(news).toHaveText(say("sale", "news.paused"));
  await sale.patch({ desiredState: "Scheduled" });
  await expect(news).toHaveText(say("sale", "news.resumed"));
});

test("a claim that a pause overtakes is told so, and can wait for the sale to go on", async ({
  page,
  signIn,
  look,
}) => {
  const sale = await Sale.apply("overtaken", { displayName: "Overtaken", items: [LAMP] });
  const email = await newcomer();
  await signIn(email);
  await page.goto(sale.path);
  await Claims.of(page, async (route, nth) => {
    if (nth === 1) {
      await sale.patch({ desiredState: "Paused" });
      await expect(page.getByText(say("sale", "reason.paused"))).toBeVisible();
    }
    await route.continue();
  });
  await buyButton(page).click();
  await expect(item(page)).toContainText(say("order", "no.salePaused.title"));
  await look("refused-paused");
  await step(page, "keepTrying").click();
  await expect(item(page)).toContainText(say("order", "waiting.patient"));
  await sale.patch({ desiredState: "Scheduled" });
  await seeOrder(page, "confirmed");
  await ordersOf(email, sale, 1);
});

test("the list tells sales that run, that come and that are over apart", async ({ page, look }) => {
  const open = await Sale.apply("list-open", { displayName: "Running", items: [LAMP] });
  const upcoming = await Sale.apply("list-next", {
    displayName: "Tomorrow",
    opensIn: 86_400,
    endsIn: 90_000,
    items: [LAMP],
  });
  const over = await Sale.apply("list-over", { displayName: "Yesterday", items: [LAMP] });
  await over.patch({ desiredState: "Closed" });
  await page.goto("/");
  const part = (name: string) => page.getByRole("region", { name: say("sale", `part.${name}`), exact: true });
  await expect(part("running").filter({ has: saleLink(page, open) })).toBeVisible();
  await expect(part("upcoming").filter({ has: saleLink(page, upcoming) })).toBeVisible();
  await expect(part("ended").filter({ has: saleLink(page, over) })).toBeVisible();
  await look("list");
  await saleLink(page, upcoming).click();
  await expect(title(page)).toHaveText("Tomorrow");
  await expect(page.getByRole("timer")).toHaveAccessibleName(beginningOf("sale", "countdown.start.in"));
  await expect(page).toHaveTitle(new RegExp(escaped("Tomorrow")));
  await look("upcoming");
});

test("a sale that does not exist says so", async ({ page, look }) => {
  await page.goto("/sales/nothing-00000000");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(say("sale", "gone.title"));
  await look("no-such-sale");
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(say("common", "notFound.title"));
});
