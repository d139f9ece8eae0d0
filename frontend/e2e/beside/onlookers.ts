/**
 * Pages that look on while something else happens: opens each address that it is given, then reads from its standard input
 * how many units are left, one number a line, and answers `seen` once every page shows that. It ends with the input, and
 * fails on the first number that a page does not come to show, or when anything goes wrong on one.
 */
import { createInterface } from "node:readline";
import { chromium, type Page } from "@playwright/test";

/** Far beyond any delay that is not a fault. */
const SHOWN_WITHIN_MS = 60_000;

const faults: string[] = [];
const browser = await chromium.launch({
  executablePath: process.env.SLUICE_CHROMIUM ?? "/usr/bin/chromium",
  // Where there is no graphics processor, drawing without one costs less than playing one.
  args: ["--disable-gpu"],
});

async function open(address: string): Promise<Page> {
  const page = await browser.newPage({ locale: "en-GB" });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(address);
  return page;
}

function shown(free: number): RegExp {
  return free === 0 ? /^Sold out\./ : new RegExp(`^(Only )?${free.toLocaleString("en-GB")} left`);
}

try {
  const pages = await Promise.all(process.argv.slice(2).map(open));
  process.stdout.write("looking\n");
  for await (const line of createInterface({ input: process.stdin })) {
    const words = shown(Number(line));
    await Promise.all(pages.map((page) => page.getByText(words).first().waitFor({ timeout: SHOWN_WITHIN_MS })));
    if (faults.length > 0) throw new Error(faults.join("\n"));
    process.stdout.write("seen\n");
  }
} finally {
  await browser.close();
}
