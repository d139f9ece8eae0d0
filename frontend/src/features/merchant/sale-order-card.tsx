import { useTranslation } from "react-i18next";
import type { OrderPayment, SaleOrder } from "@/api/schema";
import { numberFormat } from "@/format/formats";
import { formatMoney } from "@/format/money";
import { formatWhen } from "@/format/when";
import { Badge, type Tone } from "@/ui/badge";
import { RefundAction } from "./refund-action";

const TONES: Record<SaleOrder["state"], Tone> = { held: "warn", confirmed: "good", released: "neutral" };

/** An order as a merchant sees it. */
export function SaleOrderCard({ sale, order }: { sale: string; order: SaleOrder }) {
  const { t, i18n } = useTranslation("merchant");
  const number = numberFormat(i18n.language);
  const facts = [
    [t("orders.id"), order.id],
    [t("orders.customer"), order.customer],
  ] as const;
  return (
    <li className="grid gap-x-6 gap-y-3 px-4 py-4 sm:grid-cols-[1fr_auto] sm:px-6">
      <div className="min-w-0 space-y-1">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <p className="min-w-0 break-words font-semibold">
            {order.itemName} × {number.format(order.quantity)}
          </p>
          <Badge tone={TONES[order.state]}>
            {t(order.reason ? `reason.${order.reason}` : `orders.${order.state}`)}
          </Badge>
        </div>
        <dl className="text-muted text-sm">
          {facts.map(([name, value]) => (
            <div key={name} className="flex flex-wrap gap-x-2">
              <dt>{name}</dt>
              <dd className="break-all font-mono">
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
          <div className="flex flex-wrap gap-x-2">
            <dt>{t("orders.placed")}</dt>
            <dd>
              <time dateTime={order.placedAt}>{formatWhen(order.placedAt, i18n.language)}</time>
            </dd>
          </div>
          {order.payments.map((payment) => (
            <Payment key={payment.id} payment={payment} />
          ))}
        </dl>
      </div>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 sm:flex-col sm:items-end sm:justify-start">
        <p className="font-semibold tabular-nums">
          {order.total ? formatMoney(order.total, i18n.language) : t("orders.noPrice")}
        </p>
        <RefundAction sale={sale} order={order} />
      </div>
    </li>
  );
}

function Payment({ payment: { mode, state, amount, reference } }: { payment: OrderPayment }) {
  const { t, i18n } = useTranslation("merchant");
  return (
    <div className="flex flex-wrap gap-x-2">
      <dt>{t(`payment.${mode}`)}</dt>
      <dd className="break-words">
        {formatMoney(amount, i18n.language)}, {t(`payment.state.${state}`)}
        {reference !== undefined && (
          <>
            {" "}
            (<bdi className="break-all font-mono">{reference}</bdi>)
          </>
        )}
      </dd>
    </div>
  );
}
