import createClient from "openapi-fetch";
import { serverClock } from "./clock";
import { is, isProblem, Refused, Unreachable } from "./problem";
import type { paths } from "./schema";
import { traceparent } from "./trace";

/** Longest that an answer is waited for: an edge answers within ten seconds, or says that it cannot. */
const ANSWER_TIMEOUT_MS = 12_000;

/** The API of the edge that served this page: every address and body is checked against its own description. */
export const api = createClient<paths>({ baseUrl: location.origin });
api.use({
  onRequest({ request: { method, headers } }) {
    if (method !== "GET") headers.set("traceparent", traceparent(headers.get("Idempotency-Key")));
  },
});

const strangers = new Set<() => void>();

/** Calls `listener` whenever an answer says that nobody is signed in; the function that comes back ends that. */
export function onNotSignedIn(listener: () => void): () => void {
  strangers.add(listener);
  return () => strangers.delete(listener);
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/**
 * Asks the API one thing. The request gets the signal, which ends it when no answer comes in time or `signal` says so.
 *
 * @throws Refused when the answer is a no of ours; Unreachable when there was none.
 */
export async function ask<Data>(
  request: (signal: AbortSignal) => Promise<Answer<Data>>,
  signal?: AbortSignal,
): Promise<NonNullable<Data>> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const sentAt = serverClock.monotonic();
  let answer: Answer<Data>;
  try {
    answer = await request(signal ? AbortSignal.any([signal, timeout]) : timeout);
  } catch (cause) {
    // Whoever ended it themselves is told just that.
    signal?.throwIfAborted();
    throw new Unreachable("no answer", { cause });
  }
  const { data, error, response } = answer;
  if (!response.ok) {
    if (isProblem(error)) {
      if (is(error, "not-signed-in")) for (const listener of strangers) listener();
      throw new Refused(error);
    }
    throw new Unreachable(`status ${response.status} without a reason`);
  }
  if (typeof data === "object" && data !== null && "serverTime" in data) {
    serverClock.learn(String(data.serverTime), sentAt, cameAt(response.url, sentAt));
  }
  // An answer without a body, such as 204, is a yes all the same.
  return (data ?? {}) as NonNullable<Data>;
}

/**
 * When the answer to a request came, by the monotonic clock, if the browser tells. A page that is busy starting comes to
 * read it much later, and would take that for the way that it came.
 */
function cameAt(url: string, sentAt: number): number | undefined {
  const timing = performance.getEntriesByName(url, "resource").at(-1);
  return timing !== undefined && timing.startTime >= sentAt ? timing.startTime + timing.duration : undefined;
}
