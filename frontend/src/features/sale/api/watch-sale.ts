import type { SaleEvent } from "@/api/schema";

interface Watcher {
  /** An event came. */
  onEvent: (event: SaleEvent) => void;
  /** It broke off; `final` when the browser does not come back by itself. */
  onBreak: (final: boolean) => void;
}

/** Opens the stream of a sale's events; what is returned closes it. */
export function watchSale(sale: string, { onEvent, onBreak }: Watcher): () => void {
  const source = new EventSource(`/v1/sales/${encodeURIComponent(sale)}/events`);
  source.addEventListener("sale", ({ data }) => {
    const event = parse(data);
    if (event !== undefined) onEvent(event);
  });
  source.addEventListener("error", () => onBreak(source.readyState === EventSource.CLOSED));
  return () => source.close();
}

/** The event in a message; what some proxy made of it is as if it had not come. */
function parse(data: string): SaleEvent | undefined {
  try {
    const event: unknown = JSON.parse(data);
    return typeof event === "object" && event !== null && "items" in event ? (event as SaleEvent) : undefined;
  } catch {
    return undefined;
  }
}
