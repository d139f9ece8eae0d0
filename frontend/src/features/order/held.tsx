import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AnyOrder, PaidBy } from "@/api/schema";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { useNow, useReadOff } from "@/ui/use-now";
import { Progress } from "./progress";
import { safeUrl } from "./safe-url";
import { useWords } from "./use-words";
import { left } from "./when";
import type { OrderWish } from "./wish/use-order-wish";

/** When the time to pay is told to who cannot see it run, in milliseconds before its end. */
const WARN_BEFORE_MS = 60_000;

interface Props {
  order: AnyOrder;
  /** How orders are paid here; `undefined` while the sale is not known. */
  payment: PaidBy | undefined;
  pay: OrderWish;
  cancel: OrderWish;
}

/** The time that is left to pay an order, and the ways to end it: pay, or give it back. */
export function Held({ order, payment, pay, cancel }: Props) {
  const { t } = useTranslation("order");
  const { money } = useWords();
  const [asking, setAsking] = useState(false);
  const payUrl = "payURL" in order ? safeUrl(order.payURL) : undefined;
  const over = useReadOff((now) => now >= pay.ends);
  const busy = pay.underWay || cancel.underWay;

  return (
    <div className="print:hidden">
      <Timer ends={pay.ends} />
      {payUrl !== undefined && !over && (
        <div className="mt-4 space-y-2">
          <Button asChild size="large" className="w-full">
            <a href={payUrl}>{order.total ? t("pay.there", { total: money(order.total) }) : t("pay.now")}</a>
          </Button>
          <p className="text-muted text-sm">{t("pay.live")}</p>
        </div>
      )}
      {payUrl === undefined && payment !== "external" && !over && (
        <Button
          size="large"
          className="mt-4 w-full"
          aria-disabled={busy || payment === undefined}
          onClick={() => !busy && payment !== undefined && pay.want()}
        >
          {pay.underWay
            ? t("pay.pending")
            : order.total
              ? t("pay.wallet", { total: money(order.total) })
              : t("pay.now")}
        </Button>
      )}
      <Progress state={pay.state} tell={pay.tell} again={() => pay.want()} />
      <Button look="quiet" className="mt-3 w-full" aria-disabled={busy} onClick={() => !busy && setAsking(true)}>
        {cancel.underWay ? t("cancel.pending") : t("cancel.start")}
      </Button>
      <Progress state={cancel.state} tell={cancel.tell} again={() => cancel.want()} />
      <Dialog open={asking} onClose={() => setAsking(false)} title={t("cancel.title")}>
        <p className="mb-6">{t("cancel.text")}</p>
        <div className="flex flex-wrap justify-end gap-3">
          <Button look="plain" onClick={() => setAsking(false)}>
            {t("cancel.no")}
          </Button>
          <Button
            look="danger"
            onClick={() => {
              setAsking(false);
              cancel.want();
            }}
          >
            {t("cancel.yes")}
          </Button>
        </div>
      </Dialog>
    </div>
  );
}

function Timer({ ends }: { ends: number }) {
  const { t, locale } = useWords();
  const now = useNow();
  const over = now >= ends;
  return (
    <div className="rounded-xl bg-sunken p-4 text-center">
      <p className="text-muted">{over ? t("held.over") : t("held.left")}</p>
      {!over && (
        <p role="timer" className="font-bold text-4xl tabular-nums">
          {left(ends, now, locale)}
        </p>
      )}
      <p role="status" className="sr-only">
        {!over && ends - now <= WARN_BEFORE_MS && t("held.soon")}
      </p>
    </div>
  );
}
