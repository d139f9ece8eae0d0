import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { meaningOf } from "./refusals";

/** In the place of what the ledger knows while it is away. Orders do not need it, and whoever reads this should know that. */
export function LedgerAway({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation();
  const meaning = meaningOf(error);
  const title = meaning === "away" || meaning === "often" ? "wallet.away" : "wallet.refused";
  return (
    <Notice tone="warn" title={t(title)}>
      {meaning === "away" && <p className="text-sm">{t("wallet.awayText")}</p>}
      <Button look="plain" size="small" onClick={again}>
        {common("again")}
      </Button>
    </Notice>
  );
}
