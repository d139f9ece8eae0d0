/** Claims of a page on their way to the edge, and what a test makes of them there. */
import type { Page, Request, Route } from "@playwright/test";

const CLAIMS = /\/v1\/sales\/[^/]+\/orders$/;

/** What a test does with a claim; `nth` counts from one. */
type Meddle = (route: Route, nth: number) => Promise<void>;

/** Every claim that pages of this context sent since. */
export class Claims {
  readonly keys: string[] = [];
  readonly #traces: string[] = [];

  /** Lets all of them through, and writes their keys down. */
  static async of(page: Page, meddle: Meddle = (route) => route.continue()): Promise<Claims> {
    const claims = new Claims();
    await page.context().route(CLAIMS, async (route, request) => {
      if (request.method() !== "POST") return route.fallback();
      claims.keys.push(keyOf(request));
      claims.#traces.push(traceOf(request));
      await meddle(route, claims.keys.length);
    });
    return claims;
  }

  /** The one key that all of them had, as they had one trace. */
  get key(): string {
    only("traces", this.#traces);
    return only("keys", this.keys);
  }
}

function only(what: string, all: readonly string[]): string {
  const different = [...new Set(all)];
  if (different.length !== 1) throw new Error(`claims had these ${what}: ${different.join(", ")}`);
  return different.join();
}

/** What the edge may know a claim by, of which each attempt is a span. */
function traceOf(request: Request): string {
  const header = request.headers().traceparent;
  const trace = /^00-([0-9a-f]{32})-[0-9a-f]{16}-00$/.exec(header ?? "")?.[1];
  if (trace === undefined) throw new Error(`a claim with the trace ${header}`);
  return trace;
}

function keyOf(request: Request): string {
  const key = request.headers()["idempotency-key"];
  if (key === undefined) throw new Error("a claim without a key");
  return key;
}

/** The edge gets it and does what it says, but the answer is lost on its way back. */
export async function loseAnswer(route: Route): Promise<void> {
  const headers = { ...(await route.request().allHeaders()), "sec-fetch-site": "same-origin" };
  const answer = await route.fetch({ headers });
  if (answer.status() !== 201) throw new Error(`the claim was refused: ${await answer.text()}`);
  await route.abort("connectionreset");
}

/** An edge that has no room for it. */
export async function busy(route: Route): Promise<void> {
  const problem = {
    type: "https://sluice.dev/problems/busy",
    title: "Busy",
    status: 503,
    detail: "Too busy right now: nothing was taken by this attempt. Try again.",
    retry: "now",
    retryAfterSeconds: 1,
  };
  await route.fulfill({
    status: 503,
    contentType: "application/problem+json",
    headers: { "Retry-After": "1" },
    body: JSON.stringify(problem),
  });
}
