import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Sale, SaleState } from "@/api/schema";
import { numberFormat } from "@/format/formats";
import { formatWhen } from "@/format/when";
import { Badge, type Tone } from "@/ui/badge";
import { Card } from "@/ui/card";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import { merchantSalesQuery } from "./api/list-sales";
import { OtherSale } from "./other-sale";
import { ReadFailure } from "./read-failure";
import { unitsOf } from "./units-of";

/** Every sale at a glance. Figures of money take the ledger some work, so they are on the page of each sale. */
export function MerchantPage({ onSale }: { onSale: (sale: string) => void }) {
  const { t } = useTranslation("merchant");
  const { data, error, refetch } = useQuery(merchantSalesQuery);
  useTitle(t("title"));
  return (
    <div className="space-y-8">
      <h1 className="font-bold text-3xl">{t("title")}</h1>
      {error && <ReadFailure error={error} again={() => void refetch()} />}
      {data === undefined && !error && (
        <div className="space-y-4">
          <Skeleton className="h-36 rounded-2xl" />
          <Skeleton className="h-36 rounded-2xl" />
        </div>
      )}
      {data?.sales.length === 0 && <p className="text-muted">{t("none")}</p>}
      {data && data.sales.length > 0 && (
        <ul className="space-y-4">
          {data.sales.map((sale) => (
            <li key={sale.id}>
              <SaleCard sale={sale} />
            </li>
          ))}
        </ul>
      )}
      <OtherSale onSale={onSale} />
    </div>
  );
}

const TONES: Record<SaleState, Tone> = {
  open: "good",
  paused: "warn",
  unavailable: "bad",
  upcoming: "accent",
  ended: "neutral",
};

function SaleCard({ sale }: { sale: Sale }) {
  const { t, i18n } = useTranslation("merchant");
  const number = numberFormat(i18n.language);
  const { quantity, free } = unitsOf(sale);
  const figures = [
    [t("figure.items"), number.format(sale.items.length)],
    [t("figure.quantity"), number.format(quantity)],
    [t("figure.free"), free === undefined ? "–" : number.format(free)],
  ];
  return (
    <Card className="relative space-y-4 hover:border-accent">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <h2 className="min-w-0 break-words font-semibold text-xl">
          <Link
            to="/merchant/$sale"
            params={{ sale: sale.id }}
            className="rounded after:absolute after:inset-0 after:rounded-2xl"
          >
            {sale.name}
          </Link>
        </h2>
        <Badge tone={TONES[sale.state]}>{t(`state.${sale.state}`)}</Badge>
      </div>
      <p className="text-muted text-sm">
        {t("window", { start: formatWhen(sale.start, i18n.language), end: formatWhen(sale.end, i18n.language) })}
      </p>
      <dl className="flex flex-wrap gap-x-10 gap-y-3">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt className="text-muted text-sm">{name}</dt>
            <dd className="font-semibold text-lg tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
