import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { Order, PastOrder } from "@/api/schema";
import { OrderBadge } from "./order-badge";
import { useWords } from "./use-words";

interface Props {
  order: Order | PastOrder;
  name: string;
  /** What it belongs to, when it was made: whatever tells it from others. */
  about?: string;
}

/** One order in a list; all of it opens it. */
export function OrderLine({ order, name, about }: Props) {
  const { t, money } = useWords();
  return (
    <li>
      <Link
        to="/sales/$sale/orders/$order"
        params={{ sale: order.sale, order: order.id }}
        className="flex min-h-14 items-center gap-3 rounded-lg py-3 hover:bg-sunken"
      >
        <span className="flex min-w-0 grow flex-wrap items-center justify-between gap-x-4 gap-y-1">
          <span className="min-w-0">
            <span className="block font-medium">{t("line", { quantity: order.quantity, name })}</span>
            {about && <span className="block text-muted text-sm">{about}</span>}
          </span>
          <span className="flex items-center gap-3">
            {order.total && <span className="text-sm tabular-nums">{money(order.total)}</span>}
            <OrderBadge state={order.state} reason={order.reason} />
          </span>
        </span>
        <ChevronRight aria-hidden className="size-5 shrink-0 text-muted rtl:rotate-180" />
      </Link>
    </li>
  );
}
