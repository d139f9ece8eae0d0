import type { ReactNode } from "react";
import type { AnyOrder } from "@/api/schema";
import { numberFormat } from "@/format/formats";
import { OrderBadge } from "./order-badge";
import { useWords } from "./use-words";
import { dayAndTime } from "./when";

interface Props {
  order: AnyOrder;
  item: string;
  saleName?: string | undefined;
}

/** All that is known of an order: its receipt once it is paid. */
export function Details({ order, item, saleName }: Props) {
  const { t, locale, money } = useWords();
  const number = (value: number) => numberFormat(locale).format(value);
  const { price, total, updatedAt } = order;
  const createdAt = "createdAt" in order ? order.createdAt : undefined;
  return (
    <section aria-labelledby="order-details">
      <h2 id="order-details" className="mb-3 font-semibold text-lg">
        {order.state === "confirmed" ? t("details.receipt") : t("details.title")}
      </h2>
      <dl className="divide-y divide-line">
        <Row term={t("details.item")}>{item}</Row>
        {saleName && <Row term={t("details.sale")}>{saleName}</Row>}
        <Row term={t("details.quantity")}>{number(order.quantity)}</Row>
        {price && <Row term={t("details.price")}>{money(price)}</Row>}
        {total && (
          <Row term={t("details.total")}>
            <strong>{money(total)}</strong>
          </Row>
        )}
        <Row term={t("details.state")}>
          <OrderBadge state={order.state} reason={order.reason} />
        </Row>
        <Row term={t("details.number")}>{number(order.number + 1)}</Row>
        {createdAt && <Row term={t("details.createdAt")}>{dayAndTime(createdAt, locale)}</Row>}
        {updatedAt && <Row term={t("details.updatedAt")}>{dayAndTime(updatedAt, locale)}</Row>}
        <Row term={t("details.id")}>
          <code dir="ltr" className="break-all text-sm">
            {order.id}
          </code>
        </Row>
      </dl>
    </section>
  );
}

function Row({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap justify-between gap-x-6 gap-y-1 py-2.5">
      <dt className="text-muted">{term}</dt>
      <dd className="min-w-0 text-end tabular-nums">{children}</dd>
    </div>
  );
}
