import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { refusedAs } from "@/api/problem";
import { useSession, useSessionFailure } from "@/api/session";
import { Card } from "@/ui/card";
import { Failure } from "@/ui/failure";
import { More } from "@/ui/more";
import { Notice } from "@/ui/notice";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import { allOrdersQuery } from "./api/list-all-orders";
import { OrderLine } from "./order-line";
import { SignInFirst } from "./order-page";
import { Step } from "./refusal";
import { useWords } from "./use-words";
import { dayAndTime } from "./when";

/** All my orders, the newest first. */
export function OrdersPage() {
  const { t, locale } = useWords();
  useTitle(t("mine.title"));
  const session = useSession();
  const nobodyKnows = useSessionFailure();
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    ...allOrdersQuery,
    enabled: session != null,
  });
  if (session === null || (error && refusedAs(error, "not-signed-in"))) return <SignInFirst />;
  const orders = data?.pages.flatMap(({ orders }) => orders) ?? [];
  return (
    <div className="mx-auto max-w-2xl space-y-6">
      <h1 className="font-bold text-3xl">{t("mine.title")}</h1>
      {error && (refusedAs(error, "busy") ? <Away again={refetch} /> : <Failure error={error} again={refetch} />)}
      {nobodyKnows && <Failure {...nobodyKnows} />}
      {isPending && !error && !nobodyKnows && <Coming />}
      {data && orders.length === 0 && <None />}
      {orders.length > 0 && (
        <Card>
          <ul className="divide-y divide-line">
            {orders.map((order) => (
              <OrderLine
                key={order.id}
                order={order}
                name={order.itemName}
                about={`${order.saleName} · ${dayAndTime(order.createdAt, locale)}`}
              />
            ))}
          </ul>
        </Card>
      )}
      {data && <More more={hasNextPage} pending={isFetchingNextPage} onMore={() => void fetchNextPage()} />}
    </div>
  );
}

/** The books are away; what was bought is safe and can be seen where it was bought. */
function Away({ again }: { again: () => void }) {
  const { t } = useWords();
  return (
    <Notice tone="warn" title={t("mine.away.title")}>
      <p>{t("mine.away.text")}</p>
      <div className="flex flex-wrap gap-2">
        <Step onClick={again}>{t("step.again")}</Step>
        <ToSales />
      </div>
    </Notice>
  );
}

function None() {
  const { t } = useWords();
  return (
    <Center>
      <p className="text-muted">{t("mine.none")}</p>
      <ToSales />
    </Center>
  );
}

function ToSales() {
  const { t } = useWords();
  return (
    <Step>
      <Link to="/">{t("step.sales")}</Link>
    </Step>
  );
}

function Center({ children }: { children: ReactNode }) {
  return <div className="space-y-4 py-12 text-center">{children}</div>;
}

function Coming() {
  return (
    <Card className="space-y-4">
      {["a", "b", "c"].map((line) => (
        <Skeleton key={line} className="h-14" />
      ))}
    </Card>
  );
}
