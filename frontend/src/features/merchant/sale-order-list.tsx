import { useInfiniteQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { More } from "@/ui/more";
import { Skeleton } from "@/ui/skeleton";
import { saleOrdersQuery, type Which } from "./api/list-sale-orders";
import { OrderFilter } from "./order-filter";
import { ReadFailure } from "./read-failure";
import { SaleOrderCard } from "./sale-order-card";

interface Props {
  sale: string;
  which: Which;
  onWhich: (which: Which) => void;
}

/** The orders of a sale, page by page. */
export function SaleOrderList({ sale, which, onWhich }: Props) {
  const { t } = useTranslation("merchant");
  const id = useId();
  const query = useInfiniteQuery(saleOrdersQuery(sale, which));
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const orders = data?.pages.flatMap((page) => page.orders) ?? [];
  return (
    <section aria-labelledby={id} className="space-y-4">
      <h2 id={id} className="font-semibold text-xl">
        {t("orders.title")}
      </h2>
      <OrderFilter which={which} onWhich={onWhich} />
      {error && <ReadFailure error={error} again={() => void refetch()} />}
      {data === undefined && !error && <Skeleton className="h-64 rounded-2xl" />}
      <p role="status" className="text-muted empty:hidden">
        {data && orders.length === 0 ? t(which.order ? "orders.notFound" : "orders.none") : ""}
      </p>
      {orders.length > 0 && (
        <ul className="divide-y divide-line rounded-2xl border border-line bg-card">
          {orders.map((order) => (
            <SaleOrderCard key={order.id} sale={sale} order={order} />
          ))}
        </ul>
      )}
      {data && <More more={hasNextPage} pending={isFetchingNextPage} onMore={() => void fetchNextPage()} />}
    </section>
  );
}
