import { defineConfig } from "@playwright/test";
import { edge } from "./e2e/bed/stack";

/**
 * The page in a real browser against a real installation. `make test` starts one; `make browser` takes the running demo.
 */
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  fullyParallel: true,
  // One browser page and the servers behind it fill a core.
  workers: 2,
  // A test that passes the second time has a fault all the same.
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  forbidOnly: process.env.CI === "true",
  reporter: [["list"]],
  use: {
    baseURL: edge(),
    // The distribution's own: a download of a browser is nothing that this repository could pin.
    launchOptions: { executablePath: process.env.SLUICE_CHROMIUM ?? "/usr/bin/chromium" },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1100, height: 900 },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
});
