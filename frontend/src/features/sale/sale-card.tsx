import { Link } from "@tanstack/react-router";
import { useDeferredValue } from "react";
import { useTranslation } from "react-i18next";
import type { Sale } from "@/api/schema";
import { Skeleton } from "@/ui/skeleton";
import { Countdown } from "./countdown";
import { Ended } from "./ended";
import { Picture } from "./picture";
import { Price } from "./price";
import { freeOfAll, quantityOfAll, saleStanding, turnOf } from "./standing";
import { StateBadge } from "./state-badge";
import { StockBar } from "./stock-bar";

/** A sale at a glance; all of it leads to its page. */
export function SaleCard({ sale }: { sale: Sale }) {
  return (
    <article className="relative flex h-full flex-col overflow-hidden rounded-2xl border border-line bg-card transition-shadow focus-within:shadow-lg hover:shadow-lg">
      <Picture item={sale.items[0] ?? { sku: sale.id }} className="aspect-16/10 shrink-0" />
      <div className="absolute start-3 top-3">
        <StateBadge sale={sale} />
      </div>
      <div className="flex grow flex-col gap-2 p-4 sm:p-5">
        <h3 className="font-semibold text-lg leading-snug">
          <Link to="/sales/$sale" params={{ sale: sale.id }} className="after:absolute after:inset-0 after:rounded-2xl">
            <bdi>{sale.name}</bdi>
          </Link>
        </h3>
        <p className="font-bold">
          <Price items={sale.items} />
        </p>
        <div className="mt-auto space-y-2 pt-2">
          <Stock sale={sale} />
          <p className="min-h-6 text-muted">
            <Turn sale={sale} />
          </p>
        </div>
      </div>
    </article>
  );
}

function Stock({ sale }: { sale: Sale }) {
  const { t } = useTranslation("sale");
  const [free, quantity] = [freeOfAll(sale.items), quantityOfAll(sale.items)];
  const standing = saleStanding(sale);
  const words =
    sale.state === "upcoming"
      ? t("stock.all", { count: quantity })
      : standing === "sold-out" || standing === "reserved" || standing === "none-free"
        ? t(`standing.${standing}`)
        : sale.state === "ended"
          ? t("stock.over")
          : free === null
            ? t("stock.unknown")
            : t("stock.left", { count: free });
  return (
    <div className="space-y-1.5">
      <StockBar free={sale.state === "upcoming" ? quantity : sale.state === "ended" ? 0 : free} quantity={quantity} />
      <p className="min-h-6 text-muted tabular-nums">{words}</p>
    </div>
  );
}

function Turn({ sale }: { sale: Sale }) {
  const turn = turnOf(sale);
  // The units that it is written with take a browser longer to make than a page of cards: those can be used before.
  const counting = useDeferredValue(true, false);
  if (turn !== undefined) {
    return counting && <Countdown until={turn} to={sale.state === "upcoming" ? "start" : "end"} look="line" />;
  }
  return sale.state === "ended" ? <Ended sale={sale} /> : null;
}

/** Room for a card that is on its way. */
export function SaleCardSkeleton() {
  return (
    <div aria-hidden className="overflow-hidden rounded-2xl border border-line bg-card">
      <Skeleton className="aspect-16/10 rounded-none" />
      <div className="space-y-3 p-4 sm:p-5">
        <Skeleton className="h-6 w-2/3" />
        <Skeleton className="h-5 w-1/4" />
        <Skeleton className="h-2" />
        <Skeleton className="h-6 w-1/3" />
        <Skeleton className="h-6 w-1/2" />
      </div>
    </div>
  );
}
