import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Sale } from "@/api/schema";
import { Failure } from "@/ui/failure";
import { useTitle } from "@/ui/use-title";
import { salesQuery } from "./api/list-sales";
import { SaleCard, SaleCardSkeleton } from "./sale-card";
import { turnOf } from "./standing";
import { useTurn } from "./use-turn";

const PARTS = ["running", "upcoming", "ended"] as const;
const GRID = "grid gap-4 sm:grid-cols-2 sm:gap-6 lg:grid-cols-3";

function partOf({ state }: Sale): (typeof PARTS)[number] {
  return state === "upcoming" || state === "ended" ? state : "running";
}

/** When the next of them begins or ends, in milliseconds; undefined when none will. */
function nextTurn(sales: readonly Sale[]): number | undefined {
  const turns = sales.map(turnOf).filter((turn) => turn !== undefined);
  return turns.length > 0 ? Math.min(...turns) : undefined;
}

/** All sales: those that run, those to come, those that are over. */
export function SalesPage() {
  const { t } = useTranslation("sale");
  const { data, error, refetch } = useQuery(salesQuery);
  useTitle(t("title"));
  useTurn(data && nextTurn(data.sales), refetch, false);
  return (
    <div className="space-y-10">
      <h1 className="font-bold text-3xl tracking-tight sm:text-4xl">{t("title")}</h1>
      {data ? (
        <Parts sales={data.sales} />
      ) : error ? (
        <Failure error={error} again={() => void refetch()} />
      ) : (
        <Loading />
      )}
    </div>
  );
}

function Parts({ sales }: { sales: readonly Sale[] }) {
  const { t } = useTranslation("sale");
  if (sales.length === 0) {
    return (
      <div className="rounded-2xl border border-line border-dashed px-6 py-16 text-center">
        <p className="font-semibold text-lg">{t("none.title")}</p>
        <p className="text-muted">{t("none.text")}</p>
      </div>
    );
  }
  return PARTS.map((part) => {
    const some = sales.filter((sale) => partOf(sale) === part);
    return some.length === 0 ? null : (
      <section key={part} aria-labelledby={`sales-${part}`}>
        <h2 id={`sales-${part}`} className="mb-4 font-semibold text-xl">
          {t(`part.${part}`)}
        </h2>
        <ul className={GRID}>
          {some.map((sale) => (
            <li key={sale.id}>
              <SaleCard sale={sale} />
            </li>
          ))}
        </ul>
      </section>
    );
  });
}

function Loading() {
  const { t } = useTranslation();
  return (
    <div aria-busy="true" className="min-h-dvh">
      <p className="sr-only">{t("loading")}</p>
      <div className="mb-4 h-7" />
      <div className={GRID}>
        <SaleCardSkeleton />
        <SaleCardSkeleton />
        <SaleCardSkeleton />
      </div>
    </div>
  );
}
