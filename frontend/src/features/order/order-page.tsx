import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { serverClock } from "@/api/clock";
import { refusedAs, waitMsOf } from "@/api/problem";
import { pollEveryMs } from "@/api/read-again";
import type { AnyOrder, Sale } from "@/api/schema";
import { useSession, useSessionFailure } from "@/api/session";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Failure } from "@/ui/failure";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import { orderQuery } from "./api/get-order";
import { useOrderEvents } from "./api/watch-order";
import { Details } from "./details";
import { Held } from "./held";
import { Outcome } from "./outcome";
import { useWords } from "./use-words";
import { useOrderWish } from "./wish/use-order-wish";

/** How much more seldom a held order is read while a stream tells of it: one that died without a word looks like a quiet one. */
const TIMES_SELDOMER = 5;

/**
 * When a held order is read again, of a page that reads every so many milliseconds while no stream tells of it, or once its
 * time is over; `false` for an order to which nothing happens any more.
 */
function readHeldMs(order: AnyOrder | undefined, error: unknown, live: boolean, everyMs: number): number | false {
  if (order?.state !== "held") return false;
  const over = order.expiresAt !== undefined && Date.parse(order.expiresAt) < serverClock.now();
  return Math.max(live && !over ? everyMs * TIMES_SELDOMER : everyMs, waitMsOf(error));
}

interface Props {
  saleId: string;
  id: string;
  /** The sale; it may be gone, or on its way. */
  sale?: Pick<Sale, "name" | "payment" | "items"> | undefined;
}

/** One order: what it is, how it stands, and what can be done about it. */
export function OrderPage({ saleId, id, sale }: Props) {
  const session = useSession();
  const nobodyKnows = useSessionFailure();
  const [pollMs] = useState(() => pollEveryMs());
  // What comes after the query decides how it goes on being asked.
  const live = useRef(false);
  const { data, error, refetch, failureCount } = useQuery({
    ...orderQuery(saleId, id),
    enabled: session != null,
    refetchInterval: ({ state: { data, error } }) => readHeldMs(data, error, live.current, pollMs),
  });
  live.current = useOrderEvents(saleId, id, session != null && data?.state === "held");

  if (session === null || (error && refusedAs(error, "not-signed-in"))) return <SignInFirst />;
  // What was shown before may have been somebody else's, who has signed out in another tab.
  if (error && (data === undefined || refusedAs(error, "not-found"))) {
    return refusedAs(error, "not-found") ? (
      <Absent saleId={saleId} again={() => void refetch()} />
    ) : (
      <Failure error={error} again={() => void refetch()} />
    );
  }
  if (nobodyKnows && data === undefined) return <Failure {...nobodyKnows} />;
  return data ? <Shown order={data} saleId={saleId} sale={sale} /> : <Coming late={failureCount > 1} />;
}

function Shown({ order, saleId, sale }: { order: AnyOrder; saleId: string; sale: Props["sale"] }) {
  const { t } = useWords();
  const pay = useOrderWish("pay", order);
  const cancel = useOrderWish("cancel", order);
  const heading = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was pressed goes away with the state.
  useEffect(() => {
    // Whoever pressed a button is where that button was: nowhere.
    if (document.activeElement === null || document.activeElement === document.body) heading.current?.focus();
  }, [order.state]);
  useTitle(t(`outcome.${order.reason ?? order.state}.title`));
  const past = "itemName" in order ? order : undefined;
  const item = past?.itemName ?? sale?.items.find(({ sku }) => sku === order.sku)?.name ?? order.sku;
  return (
    <article className="mx-auto max-w-xl space-y-6">
      <Link
        to="/sales/$sale"
        params={{ sale: saleId }}
        className="inline-flex min-h-11 items-center text-accent-strong underline underline-offset-4 print:hidden"
      >
        {past?.saleName ?? sale?.name ?? t("toSale")}
      </Link>
      <Outcome order={order} heading={heading} />
      <Card className="space-y-6">
        {order.state === "held" && <Held order={order} payment={sale?.payment} pay={pay} cancel={cancel} />}
        <Details order={order} item={item} saleName={past?.saleName ?? sale?.name} />
      </Card>
      <div className="flex flex-wrap gap-3 print:hidden">
        {order.state === "confirmed" && (
          <Button look="plain" onClick={() => print()}>
            {t("print")}
          </Button>
        )}
        <Button asChild look="plain">
          <Link to="/orders">{t("step.orders")}</Link>
        </Button>
      </div>
    </article>
  );
}

function Coming({ late }: { late: boolean }) {
  const { t } = useWords();
  const common = useTranslation("common");
  return (
    <div className="mx-auto max-w-xl space-y-6" aria-busy="true">
      <h1 className="sr-only">{common.t("loading")}</h1>
      <Skeleton className="h-11 w-40" />
      <Skeleton className="h-24" />
      <Skeleton className="h-80 rounded-2xl" />
      <p role="status" className="text-muted">
        {late && t("coming")}
      </p>
    </div>
  );
}

function Absent({ saleId, again }: { saleId: string; again: () => void }) {
  const { t } = useWords();
  return (
    <Page title={t("no.notFound.title")} text={t("absent")}>
      <Button onClick={again}>{t("step.ask")}</Button>
      <Button asChild look="plain">
        <Link to="/sales/$sale" params={{ sale: saleId }}>
          {t("toSale")}
        </Link>
      </Button>
    </Page>
  );
}

/** Orders are somebody's own. */
export function SignInFirst() {
  const { t } = useWords();
  const returnTo = useLocation({ select: ({ href }) => href });
  return (
    <Page title={t("mine.signIn.title")} text={t("mine.signIn.text")}>
      <Button asChild>
        <Link to="/sign-in" search={{ returnTo }}>
          {t("step.signIn")}
        </Link>
      </Button>
    </Page>
  );
}

function Page({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <div className="mx-auto max-w-xl space-y-4 py-12 text-center">
      <h1 className="font-bold text-2xl">{title}</h1>
      <p className="text-muted">{text}</p>
      <div className="flex flex-wrap justify-center gap-3">{children}</div>
    </div>
  );
}
