/**
 * A browser that is told what to do and otherwise left alone, over the pipe of its own protocol.
 *
 * A test's driver has every request, answer and event told to it, which costs a browser that shows a live page a third as much
 * again as the page itself. Here it tells only what goes wrong, and what it is asked.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

interface Told {
  id?: number;
  method?: string;
  params?: Params;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** Of an event, what may be in it when it tells of a fault. */
interface Params {
  exceptionDetails?: { exception?: { description?: string }; text: string };
  entry?: Entry;
  type?: string;
  args?: { value?: unknown; description?: string }[];
}

/** What a browser writes into a page's log: what a policy forbade, what could not be loaded. */
interface Entry {
  level: string;
  text: string;
}

type Answered = (told: Told) => void;

/**
 * Where a browser keeps what it writes. It syncs that to the disk, and a crowd that is measured beside it waits for the same
 * disk at every claim: in another place the pages cost its median 1.3 to 1.4 times, here nothing that can be told from noise.
 */
const MEMORY = "/dev/shm";

/** Without what a browser does for somebody who sits before it. */
const ALONE = [
  "--headless",
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-field-trial-config",
  "--disable-sync",
  "--remote-debugging-pipe",
];

export class Browser {
  /** Everything that went wrong on any page. */
  readonly faults: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "sluice-onlookers-"));
  readonly #asked = new Map<number, Answered>();
  #last = 0;
  /** Why there is no browser any more. */
  #ended: string | undefined;

  constructor(program: string, flags: string[]) {
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"] as const;
    this.#process = spawn(program, [...ALONE, ...flags, `--user-data-dir=${this.#profile}`], { stdio: [...stdio] });
    this.#process.on("error", (error) => this.#end(error.message));
    this.#process.on("exit", () => this.#end("the browser has ended"));
    // Whoever asks a browser that has ended is told so by its end.
    this.#process.stdio[3]?.on("error", () => {});
    const told = this.#process.stdio[4] as Readable;
    let rest = "";
    told.setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop() ?? "";
      for (const message of messages) this.#hear(JSON.parse(message) as Told);
    });
  }

  /** Opens a page; what comes back asks it for what an expression, which may be a promise, becomes. */
  async open(url: string): Promise<(expression: string) => Promise<unknown>> {
    const { targetId } = await this.#ask("Target.createTarget", { url: "about:blank", newWindow: true });
    const { sessionId } = await this.#ask("Target.attachToTarget", { targetId, flatten: true });
    const page = String(sessionId);
    await this.#ask("Runtime.enable", {}, page);
    await this.#ask("Log.enable", {}, page);
    await this.#ask("Page.navigate", { url }, page);
    return async (expression) => {
      const asked = { expression, awaitPromise: true, returnByValue: true };
      const { result } = await this.#ask("Runtime.evaluate", asked, page);
      return (result as { value?: unknown }).value;
    };
  }

  async close(): Promise<void> {
    if (this.#ended === undefined) {
      const ended = new Promise((resolve) => this.#process.once("exit", resolve));
      // It may end before it has answered.
      await this.#ask("Browser.close").catch(() => {});
      await ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #ask(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    if (this.#ended !== undefined) return Promise.reject(new Error(`${method}: ${this.#ended}`));
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      this.#asked.set(id, ({ error, result }) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result ?? {}),
      );
    });
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answer;
  }

  #hear(told: Told) {
    const { id, method, params } = told;
    if (id !== undefined) {
      this.#asked.get(id)?.(told);
      this.#asked.delete(id);
    }
    const fault = method !== undefined && params !== undefined ? faultIn(method, params) : undefined;
    if (fault !== undefined) this.faults.push(fault);
  }

  #end(why: string) {
    this.#ended ??= why;
    for (const answered of this.#asked.values()) answered({ error: { message: why } });
    this.#asked.clear();
  }
}

/** What an event says went wrong on a page, if it does. */
function faultIn(method: string, { exceptionDetails, entry, type, args = [] }: Params): string | undefined {
  switch (method) {
    case "Runtime.exceptionThrown":
      return exceptionDetails?.exception?.description ?? exceptionDetails?.text;
    case "Runtime.consoleAPICalled":
      return type === "error" ? args.map(({ value, description }) => value ?? description).join(" ") : undefined;
    case "Log.entryAdded":
      return entry?.level === "error" ? entry.text : undefined;
    default:
      return undefined;
  }
}
