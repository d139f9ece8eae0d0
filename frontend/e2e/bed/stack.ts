/**
 * The installation that the tests run against, as whoever started it wrote it down, and what its owner does: apply, patch,
 * wait. It is done with kubectl, as the documentation tells people to.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

interface Access {
  /** For kubectl. */
  kubeconfig: string;
  namespace: string;
  /** Base URLs of the edges. */
  edges: string[];
  /** Files of secrets that an outsider would share with the installation. */
  keys: { payment: string };
}

function read(): Access {
  const file = process.env.SLUICE_STACK;
  if (file === undefined) {
    throw new Error("SLUICE_STACK names no installation: run make test, or make demo and make browser");
  }
  const { access } = JSON.parse(readFileSync(file, "utf8")) as { access: Access };
  return access;
}

export const stack = read();

/** The edge at this place; the page is the same on all of them. */
export function edge(index = 0): string {
  const url = stack.edges[index];
  if (url === undefined) throw new Error(`there is no edge ${index}`);
  return url;
}

export async function kubectl(...words: string[]): Promise<string> {
  const { stdout } = await run("kubectl", ["--kubeconfig", stack.kubeconfig, "-n", stack.namespace, ...words]);
  return stdout;
}

/** Seconds from now as a resource writes it. */
export function fromNow(seconds: number): string {
  return `${new Date(Date.now() + seconds * 1_000).toISOString().slice(0, 19)}Z`;
}

/** Longest that an edge may take to hear of a sale, in milliseconds. */
const KNOWN_WITHIN_MS = 30_000;

/** Waits until an edge knows a sale: it hears of it a moment after Kubernetes says that there is stock. */
async function known(edge: string, sale: string): Promise<void> {
  for (const until = Date.now() + KNOWN_WITHIN_MS; ; await setTimeout(50)) {
    const { status } = await fetch(`${edge}/v1/sales/${sale}`);
    if (status === 200) return;
    if (Date.now() > until) throw new Error(`${edge} does not know ${sale}: ${status}`);
  }
}

export interface ItemSpec {
  sku: string;
  quantity: number;
  displayName?: string;
  imageURL?: string;
  withheld?: number;
  price?: { amountMinor: number; currency: string };
  limits?: { perOrder?: number; perCustomer?: number };
}

export interface SaleSpec {
  displayName?: string;
  /** Seconds from now; an hour ago when not given. */
  opensIn?: number;
  /** Seconds from now; in an hour when not given. */
  endsIn?: number;
  items: ItemSpec[];
  [other: string]: unknown;
}

/** A sale of a test's own. */
export class Sale {
  readonly name: string;
  /** What its address ends with. */
  readonly id: string;

  private constructor(name: string, id: string) {
    this.name = name;
    this.id = id;
  }

  /** Applies it, and waits until it can be sold at every edge. */
  static async apply(prefix: string, { opensIn = -3_600, endsIn = 3_600, ...spec }: SaleSpec): Promise<Sale> {
    const name = `${prefix}-${randomUUID().slice(0, 8)}`;
    const resource = {
      apiVersion: "sluice.dev/v1alpha1",
      kind: "FlashSale",
      metadata: { name },
      spec: { schedule: { startTime: fromNow(opensIn), endTime: fromNow(endsIn) }, ...spec },
    };
    const apply = execFile("kubectl", ["--kubeconfig", stack.kubeconfig, "-n", stack.namespace, "apply", "-f", "-"]);
    apply.stdin?.end(JSON.stringify(resource));
    let refused = "";
    apply.stderr?.on("data", (text) => {
      refused += text;
    });
    const code = await new Promise((resolve) => apply.on("close", resolve));
    if (code !== 0) throw new Error(`kubectl apply of ${name}: ${refused}`);
    const provisioned = ["--for=condition=Provisioned", "--timeout=60s", "-o", "jsonpath={.status.saleID}"];
    const id = await kubectl("wait", `flashsale/${name}`, ...provisioned);
    await Promise.all(stack.edges.map((edge) => known(edge, id)));
    return new Sale(name, id);
  }

  /** The path of its page. */
  get path(): string {
    return `/sales/${this.id}`;
  }

  /** Waits until the ledger follows it; before, nobody can read its books. */
  async isInBooks(): Promise<void> {
    await kubectl("wait", `flashsale/${this.name}`, "--for=condition=LedgerInSync", "--timeout=60s");
  }

  /** Changes its spec, as `kubectl edit` would. */
  async patch(spec: Record<string, unknown>): Promise<void> {
    await kubectl("patch", "flashsale", this.name, "--type=merge", "-p", JSON.stringify({ spec }));
  }

  /** Sets when it opens, in seconds from now, to the second; that moment, in milliseconds since 1970. */
  async opensIn(seconds: number): Promise<number> {
    const startTime = fromNow(seconds);
    await this.patch({ schedule: { startTime } });
    return Date.parse(startTime);
  }

  /** Sets when it ends, in seconds from now. */
  async endsIn(seconds: number): Promise<void> {
    await this.patch({ schedule: { endTime: fromNow(seconds) } });
  }

  /** Sets how many units an item has. */
  async restock(item: number, quantity: number): Promise<void> {
    const patch = [{ op: "replace", path: `/spec/items/${item}/quantity`, value: quantity }];
    await kubectl("patch", "flashsale", this.name, "--type=json", "-p", JSON.stringify(patch));
  }

  /** What its status says at a place, by kubectl's own path language. */
  async status(path: string): Promise<string> {
    return kubectl("get", "flashsale", this.name, "-o", `jsonpath={.status.${path}}`);
  }
}
