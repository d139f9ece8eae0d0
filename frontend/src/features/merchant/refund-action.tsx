import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SaleOrder } from "@/api/schema";
import { numberFormat } from "@/format/formats";
import { formatMoney } from "@/format/money";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { useRefund } from "./refund";
import { isOpen, meaningOf } from "./refusals";
import { wishes } from "./wish";

/** Refunds a sold order once somebody has confirmed it, and says in the same place what became of that. */
export function RefundAction({ sale, order }: { sale: string; order: SaleOrder }) {
  const { t } = useTranslation("merchant");
  const refund = useRefund(sale, order.id);
  const [asking, setAsking] = useState(false);
  const done = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    // The button that had the focus is gone.
    if (refund.isSuccess) done.current?.focus();
  }, [refund.isSuccess]);

  if (refund.isSuccess) {
    return (
      <p ref={done} tabIndex={-1} role="status" className="rounded font-medium text-good text-sm">
        {t("refund.done")}
      </p>
    );
  }
  if (order.state !== "confirmed") return null;
  // Whoever has decided that already is not asked again, whether before a reload or before the line was lost.
  const begun = wishes.isOpen(order.id);
  const action = refund.isPending ? "pending" : begun ? "goOn" : "action";
  return (
    <>
      <div className="space-y-1 sm:text-end">
        <Button
          look="danger"
          size="small"
          className="min-h-11"
          aria-disabled={refund.isPending}
          onClick={() => {
            if (refund.isPending) return;
            if (begun) refund.mutate();
            else setAsking(true);
          }}
        >
          {t(`refund.${action}`)}
        </Button>
        <p role="status" className="text-sm empty:hidden sm:max-w-56">
          {refund.isPending && refund.failureCount > 0
            ? t("refund.waiting")
            : refund.isError
              ? t(isOpen(refund.error) ? "refund.open" : `failure.${meaningOf(refund.error)}`)
              : begun && !refund.isPending
                ? t("refund.begun")
                : ""}
        </p>
      </div>
      <Dialog open={asking} onClose={() => setAsking(false)} title={t("refund.title")}>
        <Confirm
          order={order}
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            refund.mutate();
          }}
        />
      </Dialog>
    </>
  );
}

function Confirm({ order, onNo, onYes }: { order: SaleOrder; onNo: () => void; onYes: () => void }) {
  const { t, i18n } = useTranslation("merchant");
  const { t: common } = useTranslation();
  const number = numberFormat(i18n.language);
  return (
    <div className="space-y-4">
      <p>
        <span className="font-semibold">
          {order.itemName} × {number.format(order.quantity)}
        </span>
        <br />
        <bdi className="break-all font-mono text-muted text-sm">{order.id}</bdi>
      </p>
      <p>
        {order.total
          ? t("refund.text", { amount: formatMoney(order.total, i18n.language) })
          : t("refund.textWithoutMoney")}
      </p>
      {order.payments.some(({ mode, state }) => mode === "external" && state === "settled") && (
        <p className="text-muted text-sm">{t("refund.external")}</p>
      )}
      <div className="flex flex-wrap justify-end gap-3">
        <Button look="plain" onClick={onNo}>
          {common("cancel")}
        </Button>
        <Button look="danger" onClick={onYes}>
          {t("refund.action")}
        </Button>
      </div>
    </div>
  );
}
