import { describe, expect, it } from "vitest";
import { api, ask } from "./client";
import { traceOfKey, traceparent } from "./trace";

const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-00$/;
const KEY = "0b7f6e5d-4c3b-4a29-8180-706f5e4d3c2b";
const parts = (header: string | null) => FORM.exec(header ?? "")?.slice(1) ?? [];

describe("the trace of a request", () => {
  it("is the same in all attempts at one thing, each of which is a span of its own", () => {
    const [first, second] = [parts(traceparent(KEY)), parts(traceparent(KEY))];
    expect(first[0]).toBe("0b7f6e5d4c3b4a298180706f5e4d3c2b");
    expect(second[0]).toBe(first[0]);
    expect(second[1]).not.toBe(first[1]);
  });

  it("is what its key is looked up by", () => {
    expect(parts(traceparent(KEY))[0]).toBe(traceOfKey(KEY));
    expect(traceOfKey(KEY.toUpperCase())).toBe(traceOfKey(KEY));
  });

  it.each([null, "", "my-first", "00000000-0000-0000-0000-000000000000", `${KEY}0`])(
    "is one that nobody else has where the key is %j",
    (key) => {
      const [first, second] = [parts(traceparent(key)), parts(traceparent(key))];
      expect(first).toHaveLength(2);
      expect(second[0]).not.toBe(first[0]);
      expect(key === null ? undefined : traceOfKey(key)).toBeUndefined();
    },
  );
});

describe("what the API is asked", () => {
  /** What the requests that `asking` sends carry. */
  async function carried(asking: (fetch: (request: Request) => Promise<Response>) => Promise<unknown>) {
    const sent: Request[] = [];
    await asking(async (request) => {
      sent.push(request);
      return Response.json({});
    });
    return sent.map(({ headers }) => headers.get("traceparent"));
  }

  it("carries its trace where it moves something, and that of its key where it has one", async () => {
    const params = { path: { sale: "a" }, header: { "Idempotency-Key": KEY, "Sluice-Customer": "ann" } };
    const body = { sku: "A", quantity: 1 };
    const claims = await carried(async (fetch) => {
      await ask(() => api.POST("/v1/sales/{sale}/orders", { params, body, fetch }));
      await ask(() => api.POST("/v1/sales/{sale}/orders", { params, body, fetch }));
    });
    expect(claims.map((header) => parts(header)[0])).toEqual([traceOfKey(KEY), traceOfKey(KEY)]);
    const others = await carried(async (fetch) => {
      await ask(() => api.POST("/v1/sessions", { body: { guest: true }, fetch }));
      await ask(() => api.DELETE("/v1/sessions/current", { fetch }));
    });
    expect(others.map((header) => parts(header).length)).toEqual([2, 2]);
  });

  it("carries none where it only reads: a shared answer is nobody's", async () => {
    expect(await carried((fetch) => ask(() => api.GET("/v1/sales", { fetch })))).toEqual([null]);
  });
});
