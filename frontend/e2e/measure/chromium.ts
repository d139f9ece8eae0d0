/**
 * A Chromium that is asked for very little. What tests drive a browser with puts scripts of its own into every page and has
 * the browser tell it of everything: a page on a slowed processor waits for that, and would be measured with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Longest wait for the browser or a page, in milliseconds. */
const PATIENCE_MS = 30_000;

// biome-ignore lint/suspicious/noExplicitAny: what the protocol answers depends on what it was asked.
type Message = any;

/** Has a page do something, by the DevTools protocol: what it answers, or an error if the browser refuses. */
export type Send = (method: string, params?: object) => Promise<Message>;

export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  #commands = 0;
  /** Who waits for the answer to a command, by its number. */
  readonly #waiting = new Map<number, { done: (answer: Message) => void; failed: (error: Error) => void }>();

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#heard(JSON.parse(data)));
  }

  /** Does something with a browser of its own, which is gone afterwards. */
  static async run<Found>(use: (chromium: Chromium) => Promise<Found>): Promise<Found> {
    const chromium = await Chromium.#start();
    try {
      return await use(chromium);
    } finally {
      await chromium.#stop();
    }
  }

  static async #start(): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), "sluice-measure-"));
    const program = process.env.SLUICE_CHROMIUM ?? "/usr/bin/chromium";
    const options = ["--headless", "--no-sandbox", "--no-first-run", "--lang=en-GB", "--remote-debugging-port=0"];
    const browser = spawn(program, [...options, `--user-data-dir=${profile}`], { stdio: ["ignore", "ignore", "pipe"] });
    const socket = new WebSocket(await addressOf(browser));
    await new Promise((open, failed) => {
      socket.addEventListener("open", open, { once: true });
      socket.addEventListener("error", failed, { once: true });
    });
    return new Chromium(browser, profile, socket);
  }

  /** Does something in a tab that no other has anything in common with: nothing is cached there, nobody is signed in. */
  async visit<Found>(visit: (send: Send) => Promise<Found>): Promise<Found> {
    const { browserContextId } = await this.#send("Target.createBrowserContext");
    const { targetId } = await this.#send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.#send("Target.attachToTarget", { targetId, flatten: true });
    try {
      return await visit((method, params) => this.#send(method, params, sessionId));
    } finally {
      await this.#send("Target.disposeBrowserContext", { browserContextId });
    }
  }

  async #stop(): Promise<void> {
    const gone = new Promise((done) => this.#process.once("exit", done));
    await this.#send("Browser.close");
    await gone;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #send(method: string, params: object = {}, sessionId?: string): Promise<Message> {
    const id = ++this.#commands;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((done, failed) => {
      const late = setTimeout(() => failed(new Error(`the browser does not answer ${method}`)), PATIENCE_MS);
      late.unref();
      this.#waiting.set(id, { done, failed });
    });
  }

  #heard({ id, result, error }: Message): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.failed(new Error(error.message));
    else waiting?.done(result);
  }
}

/** Where a browser that was just started says that it listens. */
async function addressOf(browser: ChildProcess): Promise<string> {
  if (browser.stderr === null) throw new Error("the browser's words are not read");
  const said: string[] = [];
  for await (const line of createInterface(browser.stderr)) {
    const address = /^DevTools listening on (\S+)$/.exec(line)?.[1];
    if (address !== undefined) return address;
    said.push(line);
  }
  throw new Error(`the browser did not start: ${said.join("\n")}`);
}
