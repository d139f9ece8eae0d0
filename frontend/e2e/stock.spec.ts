/** Stock that comes and goes while a shopper looks. */
import { busy } from "./bed/claims";
import { LAMP, paidFromWallet } from "./bed/goods";
import { newcomer, Person, somebodyWithMoney } from "./bed/person";
import { askButton, buyButton, item, ordersOf, seeOrder, step } from "./bed/shopping";
import { Sale } from "./bed/stack";
import { expect, test } from "./bed/test";
import { beginningOf, say } from "./bed/words";

const TWO = { ...LAMP, quantity: 2, limits: { perOrder: 2 } };

test("sold out is seen at once, said honestly, and over as soon as there is more", async ({ page, signIn, look }) => {
  const sale = await Sale.apply("sold-out", { displayName: "Two lamps", items: [TWO] });
  await signIn(await newcomer());
  await page.goto(sale.path);
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 2 }));
  const rival = await Person.registered();
  await rival.claim(sale.id, TWO.sku, 2);
  await expect(item(page)).toContainText(say("sale", "stock.sold-out"));
  await expect(page.getByText(say("sale", "standing.sold-out"), { exact: true })).toBeVisible();

  await askButton(page).click();
  await expect(item(page)).toContainText(say("order", "no.soldOut.text"));
  await look("sold-out");

  await sale.restock(0, 3);
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 1 }));
  await buyButton(page).click();
  await seeOrder(page, "confirmed");
  await expect.poll(() => sale.status("items[0].sold")).toBe("3");
});

test("what is reserved for others comes back when they give it back", async ({ page, signIn, look }, {
  workerIndex,
}) => {
  const sale = await Sale.apply("reserved", {
    displayName: "Reserved for others",
    items: [TWO],
    ...paidFromWallet(300),
  });
  await signIn(somebodyWithMoney(workerIndex));
  await page.goto(sale.path);
  await expect(buyButton(page)).toBeEnabled();
  const rival = await Person.registered();
  const theirs = await rival.claim(sale.id, TWO.sku, 2);
  await expect(page.getByText(say("sale", "standing.reserved"), { exact: true })).toBeVisible();

  await askButton(page).click();
  await expect(item(page)).toContainText(say("order", "no.allHeld.title"));
  await expect(item(page)).toContainText(/2\. The next one may come back at \d{1,2}:\d{2}:\d{2}/);
  await look("all-reserved");

  await rival.cancel(theirs);
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 2 }));
  await buyButton(page).click();
  await seeOrder(page, "held");
});

test("who keeps trying gets a unit that comes back, without doing anything", async ({ page, signIn, look }, {
  workerIndex,
}) => {
  const sale = await Sale.apply("patient", { displayName: "Wait for it", items: [TWO], ...paidFromWallet(300) });
  const email = somebodyWithMoney(workerIndex);
  await signIn(email);
  const rival = await Person.registered();
  const theirs = await rival.claim(sale.id, TWO.sku, 2);
  await page.goto(sale.path);
  await askButton(page).click();
  await step(page, "keepTrying").click();
  await expect(item(page)).toContainText(say("order", "waiting.patient"));
  await look("keeps-trying");
  await rival.cancel(theirs);
  await seeOrder(page, "held");
  expect(await ordersOf(email, sale, 1)).toMatchObject([{ quantity: 1, state: "held" }]);
});

test("two pages over a crowd at the other edge end on the same numbers, and those of Kubernetes", async ({
  page,
  context,
}) => {
  const sale = await Sale.apply("crowd", { displayName: "A crowd", items: [{ ...LAMP, quantity: 220 }] });
  const other = await context.newPage();
  await Promise.all([page.goto(sale.path), other.goto(sale.path)]);
  const people = await Promise.all(Array.from({ length: 8 }, () => Person.registered()));
  let claimed = 0;
  const buy = async (person: Person) => {
    while (claimed < 200) {
      claimed += 1;
      await person.claim(sale.id, LAMP.sku);
    }
  };
  await Promise.all(people.map(buy));
  for (const tab of [page, other]) {
    await expect(item(tab)).toContainText(say("sale", "stock.left", { count: 20 }));
    await expect(tab.getByText(say("sale", "fresh.stream"))).toBeVisible();
  }
  await expect.poll(() => sale.status("items[0].free")).toBe("20");
  expect(await sale.status("items[0].sold")).toBe("200");
});

test("stock is polled where there is no room for one more stream", async ({ page }) => {
  const sale = await Sale.apply("polled", { displayName: "No stream", items: [LAMP] });
  await page.route("**/v1/sales/*/events", (route) => busy(route));
  await page.goto(sale.path);
  await expect(page.getByText(say("sale", "fresh.polling"))).toBeVisible();
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 5 }));
  await (await Person.registered()).claim(sale.id, LAMP.sku);
  await expect(item(page)).toContainText(say("sale", "stock.left", { count: 4 }));
  await expect(page.getByRole("timer")).toHaveAccessibleName(beginningOf("sale", "countdown.end.in"));
});
