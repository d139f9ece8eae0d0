import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Sale } from "@/api/schema";
import { Button } from "@/ui/button";
import { classes } from "@/ui/classes";
import { Failure } from "@/ui/failure";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import { Countdown } from "./countdown";
import { Ended } from "./ended";
import { type BuySlot, ItemCard } from "./item-card";
import { SaleFacts } from "./sale-facts";
import { turnOf } from "./standing";
import { StateBadge } from "./state-badge";
import { useLiveSale } from "./use-live-sale";
import { useNews } from "./use-news";
import { useTurn } from "./use-turn";

/** One sale as it moves; `buy` is put into each item. */
export function SalePage({ id, buy }: { id: string; buy: BuySlot }) {
  const { t } = useTranslation("sale");
  const { data: sale, error, refetch, gone, by } = useLiveSale(id);
  useTitle(gone ? t("gone.title") : sale?.name);
  useTurn(sale && turnOf(sale), refetch, by === "stream");
  const news = useNews(sale);
  if (gone) return <Gone />;
  if (!sale) {
    return error ? (
      <>
        <h1 className="sr-only">{t("title")}</h1>
        <Failure error={error} again={() => void refetch()} />
      </>
    ) : (
      <Loading />
    );
  }
  const alone = sale.items.length === 1;
  return (
    <div className="space-y-8">
      <p role="status" className="sr-only">
        {news}
      </p>
      <header className="space-y-5">
        <div className="flex min-h-8 flex-wrap items-center gap-x-4 gap-y-1">
          <StateBadge sale={sale} />
          {sale.state !== "ended" && <Freshness by={by} />}
        </div>
        <h1 className="font-bold text-3xl tracking-tight sm:text-4xl">
          <bdi>{sale.name}</bdi>
        </h1>
        <Turn sale={sale} />
      </header>
      <ul className={classes("grid items-start gap-4 sm:gap-6", !alone && "sm:grid-cols-2 lg:grid-cols-3")}>
        {sale.items.map((item) => (
          <li key={item.sku}>
            <ItemCard sale={sale} item={item} buy={buy} alone={alone} />
          </li>
        ))}
      </ul>
      <section aria-labelledby="facts" className="border-line border-t pt-6">
        <h2 id="facts" className="mb-4 font-semibold text-lg">
          {t("facts.title")}
        </h2>
        <SaleFacts sale={sale} />
      </section>
    </div>
  );
}

/** What the clock does to the sale next, or why it does nothing; as high in every state. */
function Turn({ sale }: { sale: Sale }) {
  const { t } = useTranslation("sale");
  const turn = turnOf(sale);
  return (
    <div className="flex min-h-25 flex-col justify-end">
      {sale.state === "paused" || sale.state === "unavailable" ? (
        <p className="my-auto text-warn">{t(`reason.${sale.state}`)}</p>
      ) : turn === undefined ? (
        <p className="my-auto text-lg text-muted">
          <Ended sale={sale} />
        </p>
      ) : (
        <Countdown until={turn} to={sale.state === "upcoming" ? "start" : "end"} look="faces" />
      )}
    </div>
  );
}

/** How fresh what one sees is. It is not announced: it comes and goes with every tunnel. */
function Freshness({ by }: { by: ReturnType<typeof useLiveSale>["by"] }) {
  const { t } = useTranslation("sale");
  return (
    // On a phone it has a line of its own, whatever it says.
    <p className="flex min-h-5 w-full items-center gap-2 text-muted text-sm sm:w-auto">
      {by !== "either" && (
        <>
          <span aria-hidden className={classes("size-2 shrink-0 rounded-full", DOTS[by])} />
          {t(`fresh.${by}`)}
        </>
      )}
    </p>
  );
}

const DOTS = { stream: "bg-accent", polling: "bg-warn", nothing: "bg-bad" } as const;

function Gone() {
  const { t } = useTranslation("sale");
  return (
    <div className="space-y-4 py-16 text-center">
      <h1 className="font-bold text-3xl">{t("gone.title")}</h1>
      <p className="text-muted">{t("gone.text")}</p>
      <Button asChild>
        <Link to="/">{t("gone.home")}</Link>
      </Button>
    </div>
  );
}

/** As large as a sale with one item. */
function Loading() {
  const { t } = useTranslation();
  return (
    <div className="min-h-dvh space-y-8" aria-busy="true">
      <h1 className="sr-only">{t("loading")}</h1>
      <div className="space-y-5">
        <Skeleton className="mb-7 h-8 w-32 rounded-full sm:mb-0" />
        <Skeleton className="h-9 w-3/4 sm:h-10" />
        <Skeleton className="h-25 w-56" />
      </div>
      <Skeleton className="aspect-3/4 rounded-2xl sm:aspect-square md:aspect-8/3" />
    </div>
  );
}
