import { useEffect, useState } from "react";
import { serverClock } from "@/api/clock";
import { queryClient } from "@/api/queries";
import type { AnyOrder, OrderEvent } from "@/api/schema";
import { orderQuery } from "./get-order";

/** When a stream that the shop refused is asked for again at most, in milliseconds; until then the order is read. */
const OPEN_AGAIN_AFTER_MS_MAX = 60_000;

/** An order as an event tells it; what only the ledger knew of it, it still knows. */
export function told(known: AnyOrder | undefined, event: OrderEvent): AnyOrder {
  const past = known && "itemName" in known ? known : undefined;
  const { serverTime: _, secondsLeft: __, ...order } = event;
  if (past === undefined) return order;
  const { itemName, saleName, createdAt } = past;
  return { ...order, itemName, saleName, createdAt, updatedAt: order.updatedAt ?? past.updatedAt };
}

/** Keeps an order as it is in the shop while `watching`; whether the stream is open, so that nobody needs to ask. */
export function useOrderEvents(sale: string, order: string, watching: boolean): boolean {
  const [live, setLive] = useState(false);
  useEffect(() => {
    if (!watching) return;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let refusals = 0;
    const open = () => {
      source = new EventSource(`/v1/sales/${encodeURIComponent(sale)}/orders/${encodeURIComponent(order)}/events`);
      source.addEventListener("open", () => {
        refusals = 0;
        setLive(true);
      });
      source.addEventListener("order", ({ data }: MessageEvent<string>) => {
        const event = JSON.parse(data) as OrderEvent;
        serverClock.hear(event.serverTime);
        queryClient.setQueryData(orderQuery(sale, order).queryKey, (known) => told(known, event));
      });
      source.addEventListener("error", () => {
        setLive(false);
        // The browser opens a stream that broke by itself, but not one that was refused.
        if (source?.readyState !== EventSource.CLOSED) return;
        const most = Math.min(OPEN_AGAIN_AFTER_MS_MAX, 5_000 * 2 ** refusals);
        refusals += 1;
        timer = setTimeout(open, most / 2 + (most / 2) * Math.random());
      });
    };
    const offline = () => setLive(false);
    addEventListener("offline", offline);
    open();
    return () => {
      removeEventListener("offline", offline);
      source?.close();
      clearTimeout(timer);
      setLive(false);
    };
  }, [sale, order, watching]);
  return live;
}
