/**
 * How long until the first page can be used, on a slow phone's processor: `npm run measure`, against a running demo
 * (SLUICE_STACK as for the tests). It is a measurement and no test, because it depends on what else the machine does.
 *
 * Usable: the first sale is on the page as a link, whose script is there to follow it. Every load is a first visit.
 */
import { edge } from "../bed/stack.ts";
import { Chromium, type Send } from "./chromium.ts";

const LOADS = 9;
/** By how much the processor is slowed down. */
const SLOWER = Number(process.env.SLUICE_SLOWER ?? 4);

/** Runs in the page before anything of it. */
const WATCH = `globalThis.usable = new Promise((usable) => {
  new MutationObserver((_, observer) => {
    if (document.querySelector('main a[href^="/sales/"]') === null) return;
    observer.disconnect();
    usable(performance.now());
  }).observe(document, { childList: true, subtree: true });
});`;

/** When it could be used, in milliseconds since it was wanted, and what had come over the wire by then, in bytes. */
const SEEN = `usable.then((usable) => ({
  usable,
  bytes: performance.getEntries().reduce((sum, { transferSize = 0 }) => sum + transferSize, 0),
}))`;

async function load(send: Send): Promise<{ usable: number; bytes: number }> {
  await send("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  await send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await send("Page.enable");
  await send("Page.addScriptToEvaluateOnNewDocument", { source: WATCH });
  const { errorText } = await send("Page.navigate", { url: edge() });
  if (errorText) throw new Error(`${edge()}: ${errorText}`);
  const { result } = await send("Runtime.evaluate", { expression: SEEN, awaitPromise: true, returnByValue: true });
  return result.value;
}

const loads = await Chromium.run(async (chromium) => {
  // What a browser does once, when it has just been started, is not the page's.
  await chromium.visit(load);
  const loads = [];
  for (let i = 0; i < LOADS; i++) loads.push(await chromium.visit(load));
  return loads;
});
const times = loads.map(({ usable }) => usable).sort((a, b) => a - b);
const median = times[Math.floor(LOADS / 2)] ?? Number.NaN;
process.stdout.write(
  `first page usable, processor ${SLOWER} times slower, ${LOADS} first visits: median ${median.toFixed(0)} ms, ` +
    `from ${times[0]?.toFixed(0)} to ${times.at(-1)?.toFixed(0)} ms; ${((loads[0]?.bytes ?? 0) / 1_000).toFixed(0)} kB received\n`,
);
