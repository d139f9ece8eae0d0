/**
 * Pages that look on while something else happens: opens each address that it is given, then reads from its standard input
 * how many units are left, one number a line, and answers `seen` once every page shows that. It ends with the input, and
 * fails on the first number that a page does not come to show, or when anything goes wrong on one.
 */
import { createInterface } from "node:readline";
import { Browser } from "./browser.ts";

/** Far beyond any delay that is not a fault. */
const SHOWN_WITHIN_MS = 60_000;

const browser = new Browser(process.env.SLUICE_CHROMIUM ?? "/usr/bin/chromium", [
  // Where there is no graphics processor, drawing without one costs less than playing one.
  "--disable-gpu",
  "--accept-lang=en-GB",
  "--window-size=1280,800",
]);

function shown(free: number): RegExp {
  return free === 0 ? /^Sold out\./ : new RegExp(`^(Only )?${free.toLocaleString("en-GB")} left`);
}

/** In the page: waits until some paragraph reads so, and tells whether one did in time. */
async function comesToRead(words: RegExp, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  const reads = () => [...document.querySelectorAll("p")].some(({ textContent }) => words.test(textContent));
  while (!reads()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

try {
  const pages = await Promise.all(process.argv.slice(2).map((address) => browser.open(address)));
  process.stdout.write("looking\n");
  for await (const line of createInterface({ input: process.stdin })) {
    const words = shown(Number(line));
    const seen = await Promise.all(pages.map((ask) => ask(`(${comesToRead})(${words}, ${SHOWN_WITHIN_MS})`)));
    if (browser.faults.length > 0) throw new Error(browser.faults.join("\n"));
    if (!seen.every((one) => one === true)) throw new Error(`not every page comes to show ${words}`);
    process.stdout.write("seen\n");
  }
} finally {
  await browser.close();
}
