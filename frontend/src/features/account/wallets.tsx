import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "@/api/problem";
import type { Wallet } from "@/api/schema";
import { formatMoney } from "@/format/money";
import { Card } from "@/ui/card";
import { classes } from "@/ui/classes";
import { Skeleton } from "@/ui/skeleton";
import { walletsQuery } from "./api/list-wallets";
import { Entries } from "./entries";
import { LedgerAway } from "./ledger-away";

/** What somebody has, by currency, and what moved in the one that they look at. */
export function Wallets() {
  const { t } = useTranslation("account");
  const id = useId();
  const { data, error, refetch } = useQuery(walletsQuery);
  const [chosen, setChosen] = useState<string>();
  const wallets = data?.wallets ?? [];
  const shown = wallets.find(({ balance }) => balance.currency === chosen) ?? wallets[0];
  return (
    <section aria-labelledby={id} className="space-y-4">
      <h2 id={id} className="font-semibold text-xl">
        {t(wallets.length > 1 ? "wallet.titles" : "wallet.title")}
      </h2>
      {error && <LedgerAway error={error} again={() => void refetch()} />}
      {data === undefined && !(error instanceof Refused) && <Skeleton className="h-28 rounded-2xl" />}
      {data && wallets.length === 0 && <p className="text-muted">{t("wallet.none")}</p>}
      {wallets.length > 0 && (
        <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
          {wallets.map((wallet) => (
            <li key={wallet.balance.currency}>
              {wallets.length === 1 ? (
                <Card>
                  <Balance wallet={wallet} />
                </Card>
              ) : (
                <button
                  type="button"
                  aria-pressed={wallet === shown}
                  onClick={() => setChosen(wallet.balance.currency)}
                  className={classes(
                    "flex h-full w-full cursor-pointer items-start rounded-2xl border bg-card p-4 text-start sm:p-6",
                    wallet === shown ? "border-accent outline-1 outline-accent" : "border-line hover:bg-sunken",
                  )}
                >
                  <Balance wallet={wallet} />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {shown && <Entries key={shown.balance.currency} currency={shown.balance.currency} />}
    </section>
  );
}

function Balance({ wallet: { balance, pending } }: { wallet: Wallet }) {
  const { t, i18n } = useTranslation("account");
  return (
    <span className="block">
      <span className="block text-muted text-sm">{t("wallet.balance")}</span>
      <span className="block font-bold text-3xl tabular-nums">{formatMoney(balance, i18n.language)}</span>
      {pending.amountMinor !== 0 && (
        <span className="mt-1 block text-muted text-sm">
          {t("wallet.pending", { amount: formatMoney(pending, i18n.language) })}
        </span>
      )}
    </span>
  );
}
