import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "@/api/problem";
import type { PastOrder, WalletEntry } from "@/api/schema";
import { formatMoney } from "@/format/money";
import { formatWhen } from "@/format/when";
import { classes } from "@/ui/classes";
import { More } from "@/ui/more";
import { Skeleton } from "@/ui/skeleton";
import { recentOrdersQuery } from "./api/list-recent-orders";
import { walletEntriesQuery } from "./api/list-wallet-entries";
import { causeOf } from "./cause";
import { LedgerAway } from "./ledger-away";

/** What moved in a wallet, the newest first. */
export function Entries({ currency }: { currency: string }) {
  const { t } = useTranslation("account");
  const id = useId();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(
    walletEntriesQuery(currency),
  );
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  const { data: orders } = useQuery({
    ...recentOrdersQuery,
    enabled: entries.some(({ order }) => order !== undefined),
  });
  return (
    <section aria-labelledby={id} className="space-y-3 pt-2">
      <h3 id={id} className="font-semibold text-lg">
        {t("entry.title")}
      </h3>
      {error && <LedgerAway error={error} again={() => void refetch()} />}
      {data === undefined && !(error instanceof Refused) && <Skeleton className="h-48 rounded-2xl" />}
      {data && entries.length === 0 && <p className="text-muted">{t("entry.none")}</p>}
      {entries.length > 0 && (
        <ul className="divide-y divide-line rounded-2xl border border-line bg-card">
          {entries.map((entry) => (
            <Entry
              key={entry.id}
              entry={entry}
              order={entry.order === undefined ? undefined : orders?.get(entry.order)}
            />
          ))}
        </ul>
      )}
      {data && <More more={hasNextPage} pending={isFetchingNextPage} onMore={() => void fetchNextPage()} />}
    </section>
  );
}

function Entry({
  entry: { amount, at, cause, order: id },
  order,
}: {
  entry: WalletEntry;
  order: PastOrder | undefined;
}) {
  const { t, i18n } = useTranslation("account");
  const look = "rounded py-1 underline underline-offset-2";
  return (
    <li className="flex items-start justify-between gap-4 px-4 py-3 sm:px-6">
      <div className="min-w-0">
        <p className="font-medium">{t(`entry.cause.${causeOf(cause, amount.amountMinor)}`)}</p>
        <p className="text-muted text-sm">
          <time dateTime={at}>{formatWhen(at, i18n.language)}</time>
          {id !== undefined && (
            <>
              {" · "}
              {order ? (
                <Link to="/sales/$sale/orders/$order" params={{ sale: order.sale, order: id }} className={look}>
                  {order.itemName}
                </Link>
              ) : (
                <Link to="/orders" className={look}>
                  {t("entry.order")}
                </Link>
              )}
            </>
          )}
        </p>
      </div>
      <p
        className={classes(
          "shrink-0 pt-0.5 font-semibold tabular-nums",
          amount.amountMinor > 0 ? "text-good" : "text-ink",
        )}
      >
        <bdi>
          {amount.amountMinor > 0 && "+"}
          {formatMoney(amount, i18n.language)}
        </bdi>
      </p>
    </li>
  );
}
