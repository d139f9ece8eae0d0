/**
 * What every test of the page has: a page on which nothing may go wrong unseen, and eyes.
 *
 * A test fails when the browser's console has an error, a script throws, or the policy of the page is violated, whatever
 * else it checks. Refusals are answers: that the browser notes their status is no error of the page.
 */
import AxeBuilder from "@axe-core/playwright";
import { type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import { PASSWORD } from "./person";
import { edge } from "./stack";

/** Statuses of refusals, of which the browser writes a line into its console. */
const REFUSED = /Failed to load resource: the server responded with a status of (401|402|403|404|409|422|429|503|504)/;

/** What a browser notes when a test cuts its network. */
const CUT = /Failed to load resource: net::ERR_|net::ERR_INTERNET_DISCONNECTED|net::ERR_FAILED/;

interface Fixtures {
  /** What a test itself makes go wrong; nothing, unless it says so. */
  meant: RegExp | undefined;
  /** Collects what went wrong on pages of a context, and fails the test that let it. */
  watched: BrowserContext;
  /** Looks at the page as it is: both themes, by axe and by a picture for people. */
  look: (name: string, page?: Page) => Promise<void>;
  /** Signs the browser in without going through the form. */
  signIn: (email: string, context?: BrowserContext) => Promise<void>;
}

/** Fails the test when something goes wrong on any page of this context. */
export function watch(context: BrowserContext): string[] {
  const faults: string[] = [];
  context.on("weberror", (error) => faults.push(`thrown: ${error.error().message}`));
  context.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !REFUSED.test(text) && !CUT.test(text)) faults.push(`console: ${text}`);
  });
  return faults;
}

/** Signs a browser in as a page of ours would. */
export async function signInBrowser(context: BrowserContext, email: string, password = PASSWORD): Promise<void> {
  const response = await context.request.post(`${edge()}/v1/sessions`, {
    data: { email, password },
    headers: { "Sec-Fetch-Site": "same-origin" },
  });
  expect(response.status(), await response.text()).toBe(201);
}

/** What axe finds on the page as it is; by these rules only, where some are named. */
export async function axe(page: Page, rules?: string[]): Promise<string[]> {
  // No page of ours has frames of elsewhere, so it need not open a blank page to put reports together.
  const builder = new AxeBuilder({ page }).setLegacyMode(true);
  if (rules) builder.withRules(rules);
  const { violations } = await builder.analyze();
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
}

/** Looks at a page in light and in dark. */
export async function lookAt(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: `screenshots/${name}-${colorScheme}.png`, fullPage: true });
    // What a page is made of is the same in the dark.
    const found = await axe(page, colorScheme === "dark" ? ["color-contrast"] : undefined);
    expect(found, `${name} in ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

export const test = base.extend<Fixtures>({
  meant: [undefined, { option: true }],
  watched: [
    async ({ context, meant }, use) => {
      const faults = watch(context);
      await use(context);
      expect(faults.filter((fault) => !meant?.test(fault))).toEqual([]);
    },
    { auto: true },
  ],
  look: async ({ page }, use) => {
    await use((name, other) => lookAt(other ?? page, name));
  },
  signIn: async ({ context }, use) => {
    await use((email, other) => signInBrowser(other ?? context, email));
  },
});

export { expect };
