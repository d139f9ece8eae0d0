/**
 * How long until the first page can be used, on a slow phone's processor: `npm run measure`, against a running demo
 * (SLUICE_STACK as for the tests). It is a measurement and no test, because it depends on what else the machine does.
 *
 * Usable: the first sale is on the page as a link, whose script is there to follow it. Every load is a first visit.
 */
import { type Browser, chromium } from "@playwright/test";
import { edge } from "../bed/stack.ts";

const LOADS = 9;
/** By how much the processor is slowed down. */
const SLOWER = Number(process.env.SLUICE_SLOWER ?? 4);

async function load(browser: Browser): Promise<{ usable: number; kilobytes: number }> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  let bytes = 0;
  await devtools.send("Network.enable");
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelector('main a[href^="/sales/"]') === null) return;
      observer.disconnect();
      performance.mark("usable");
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(edge());
  await page.locator('main a[href^="/sales/"]').first().waitFor();
  const usable = await page.evaluate(() => performance.getEntriesByName("usable")[0]?.startTime ?? Number.NaN);
  await context.close();
  return { usable, kilobytes: bytes / 1_000 };
}

const browser = await chromium.launch({ executablePath: process.env.SLUICE_CHROMIUM ?? "/usr/bin/chromium" });
const loads = [];
for (let i = 0; i < LOADS; i++) loads.push(await load(browser));
await browser.close();
const times = loads.map(({ usable }) => usable).sort((a, b) => a - b);
const median = times[Math.floor(LOADS / 2)] ?? Number.NaN;
process.stdout.write(
  `first page usable, processor ${SLOWER} times slower, ${LOADS} first visits: median ${median.toFixed(0)} ms, ` +
    `from ${times[0]?.toFixed(0)} to ${times.at(-1)?.toFixed(0)} ms; ${loads[0]?.kilobytes.toFixed(0)} kB received\n`,
);
