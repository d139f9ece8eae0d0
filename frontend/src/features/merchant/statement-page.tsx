import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { formatWhen } from "@/format/when";
import { Button } from "@/ui/button";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import { statementQuery } from "./api/get-statement";
import type { Which } from "./api/list-sale-orders";
import { Audit } from "./audit";
import { Downloads } from "./downloads";
import { Ends } from "./ends";
import { MoneyFigures } from "./money-figures";
import { ReadFailure } from "./read-failure";
import { SaleOrderList } from "./sale-order-list";
import { UnitTable } from "./unit-table";

interface Props {
  sale: string;
  which: Which;
  onWhich: (which: Which) => void;
  /** Leads back to all sales. */
  back: ReactNode;
}

/** What came of a sale: its books, its orders to refund from, and the lists to keep. */
export function StatementPage({ sale, which, onWhich, back }: Props) {
  const { t, i18n } = useTranslation("merchant");
  const { data, error, isFetching, refetch } = useQuery(statementQuery(sale));
  useTitle(data?.saleName ?? t("title"));
  return (
    <div className="space-y-10">
      <div className="space-y-2">
        <p>{back}</p>
        <div className="flex flex-wrap items-center justify-between gap-4">
          <h1 className="min-w-0 break-words font-bold text-3xl">{data?.saleName ?? <bdi>{sale}</bdi>}</h1>
          <Button look="plain" aria-disabled={isFetching} onClick={() => !isFetching && void refetch()}>
            {t(isFetching ? "refreshing" : "refresh")}
          </Button>
        </div>
        {data ? (
          <p className="text-muted">
            {t("window", { start: formatWhen(data.start, i18n.language), end: formatWhen(data.end, i18n.language) })}
          </p>
        ) : (
          !error && <Skeleton className="h-6 w-72 max-w-full" />
        )}
      </div>
      {error && <ReadFailure error={error} again={() => void refetch()} />}
      {data ? (
        <>
          <Audit audit={data.audit} />
          <MoneyFigures money={data.money} />
          <UnitTable items={data.items} />
          <Ends orders={data.orders} />
          <SaleOrderList sale={sale} which={which} onWhich={onWhich} />
          <Downloads sale={sale} ordersSha256={data.ordersSha256} />
        </>
      ) : (
        !error && <Waiting />
      )}
    </div>
  );
}

function Waiting() {
  return (
    <div className="space-y-6">
      <Skeleton className="h-20 rounded-xl" />
      <Skeleton className="h-32 rounded-2xl" />
      <Skeleton className="h-48 rounded-2xl" />
    </div>
  );
}
