import { describe, expect, it, vi } from "vitest";
import { Ahead } from "./ahead";

describe("a question that is asked ahead", () => {
  it("is asked once, and its answer taken once", async () => {
    let asked = 0;
    const question = new Ahead(async () => ++asked);
    question.askAhead();
    question.askAhead();
    expect(asked).toBe(1);
    expect(await question.ask()).toBe(1);
    expect(await question.ask()).toBe(2);
    expect(await question.ask()).toBe(3);
  });

  it("is asked by whoever wants to know where nobody did before, and ends with them", async () => {
    const request = vi.fn(async (signal?: AbortSignal) => signal);
    const { signal } = new AbortController();
    expect(await new Ahead(request).ask(signal)).toBe(signal);
    expect(request).toHaveBeenCalledOnce();
  });

  it("tells of its failure to whoever takes it, and the next one asks anew", async () => {
    const request = vi.fn().mockRejectedValueOnce(new Error("no answer")).mockResolvedValue("yes");
    const question = new Ahead<string>(request);
    question.askAhead();
    await expect(question.ask()).rejects.toThrow("no answer");
    expect(await question.ask()).toBe("yes");
  });
});
