/** What the first page costs, and under which rules it runs. */
import { expect, test, watch } from "./bed/test";

/** Most that the scripts of the first page may take on the wire, compressed by gzip. */
const SCRIPTS_BYTES_MAX = 150_000;

test("the scripts of the first page are small", async ({ page }) => {
  const scripts = new Set<string>();
  page.on("request", (request) => {
    if (request.resourceType() === "script") scripts.add(request.url());
  });
  await page.goto("/", { waitUntil: "networkidle" });
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const sizes: Record<string, number> = {};
  for (const script of scripts) {
    const answer = await page.request.get(script, { headers: { "Accept-Encoding": "gzip" } });
    expect(answer.headers(), script).toMatchObject({ "content-encoding": "gzip" });
    sizes[new URL(script).pathname] = Number(answer.headers()["content-length"]);
  }
  const all = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  expect(all, JSON.stringify(sizes)).toBeGreaterThan(0);
  expect(all, JSON.stringify(sizes)).toBeLessThanOrEqual(SCRIPTS_BYTES_MAX);
});

test("the page comes with its policy, and its parts are kept for good", async ({ page }) => {
  const document = await page.goto("/");
  const policy = document?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("style-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toContain("unsafe");
  expect(document?.headers()["cache-control"]).toBe("no-cache");
  const parts = await page
    .locator("script[src], link[rel=stylesheet]")
    .evaluateAll((elements) =>
      elements.map((element) => element.getAttribute("src") ?? element.getAttribute("href") ?? ""),
    );
  expect(parts.length).toBeGreaterThanOrEqual(2);
  for (const part of parts) {
    const answer = await page.request.get(part, { headers: { "Accept-Encoding": "br, gzip" } });
    expect(answer.headers()["cache-control"], part).toContain("immutable");
    expect(answer.headers()["content-encoding"], part).toBe("br");
    expect(answer.headers()["x-content-type-options"], part).toBe("nosniff");
  }
});

test("a script that nobody of us wrote does not run, and the tests notice when one wants to", async ({ browser }) => {
  const context = await browser.newContext();
  const faults = watch(context);
  const page = await context.newPage();
  await page.goto("/");
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.append("globalThis.injected = true");
    document.head.append(script);
    return "injected" in globalThis;
  });
  expect(ran).toBe(false);
  await expect.poll(() => faults).toContainEqual(expect.stringContaining("TrustedScript"));
  await context.close();
});
