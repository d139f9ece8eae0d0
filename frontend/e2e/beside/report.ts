/**
 * Opens a page of HTML that is a file, as somebody does whom it was sent to: in the light and in the dark, on a telephone and on
 * a screen. It fails when the page asks for anything, complains, has to be scrolled sideways, or breaks a rule of
 * accessibility. On its output it writes one line of JSON: what there is to be read on the page. A folder as the second
 * argument is where pictures of it go.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, chromium } from "@playwright/test";

const SCHEMES = ["light", "dark"] as const;
const WIDTHS = [320, 1280];

interface Seen {
  text: string;
  grounds: string[];
}

async function look(browser: Browser, url: string, scheme: (typeof SCHEMES)[number], width: number): Promise<Seen> {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 } });
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) wrong.push(`asks for ${request.url()}`);
  });
  page.on("console", (message) => wrong.push(`says ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`throws ${error.message}`));
  await page.goto(url);
  // What is folded up has to be right too.
  await page.locator("details").evaluateAll((all) => {
    for (const one of all) (one as HTMLDetailsElement).open = true;
  });
  const overhang = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overhang > 0) wrong.push(`is ${overhang} pixels too wide`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, nodes } of violations) {
    wrong.push(
      `breaks ${id}: ${nodes
        .map(({ html }) => html)
        .slice(0, 3)
        .join(" ")}`,
    );
  }
  const shown = await page.locator("svg:visible").count();
  if (shown === 0 || shown !== (await page.locator("figure").count())) wrong.push(`shows ${shown} pictures`);
  if (wrong.length > 0) throw new Error(`in the ${scheme}, ${width} pixels wide, the page ${wrong.join("; ")}`);
  const grounds = await page.evaluate(() =>
    [document.body, ...document.querySelectorAll("svg .ground")].map((ground) => {
      const { backgroundColor, fill } = getComputedStyle(ground);
      return `${backgroundColor} ${fill}`;
    }),
  );
  // biome-ignore lint/performance/useDomNodeTextContent: what is seen counts, line by line, not what is there.
  const text = await page.locator("body").innerText();
  const folder = process.argv[3];
  if (folder !== undefined) {
    await page.locator("details").evaluateAll((all) => {
      for (const one of all) (one as HTMLDetailsElement).open = false;
    });
    await page.screenshot({ path: join(folder, `${scheme}-${width}.png`), fullPage: true });
  }
  await context.close();
  return { text, grounds };
}

const url = pathToFileURL(process.argv[2] ?? "").href;
const browser = await chromium.launch({ executablePath: process.env.SLUICE_CHROMIUM ?? "/usr/bin/chromium" });
try {
  let text = "";
  for (const width of WIDTHS) {
    const [light, dark] = [await look(browser, url, "light", width), await look(browser, url, "dark", width)];
    const same = light.grounds.filter((ground, index) => ground === dark.grounds[index]);
    if (same.length > 0) throw new Error(`the dark is as the light: ${same.join("; ")}`);
    text = dark.text;
  }
  process.stdout.write(`${JSON.stringify(text)}\n`);
} finally {
  await browser.close();
}
