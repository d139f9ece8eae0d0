import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { meaningOf } from "./refusals";

/** Why something cannot be shown, and what can be done. */
export function ReadFailure({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useTranslation("merchant");
  const { t: common } = useTranslation();
  const meaning = meaningOf(error);
  return (
    <Notice tone={meaning === "away" || meaning === "often" ? "warn" : "bad"} title={t(`failure.${meaning}`)}>
      {meaning === "missing" && <p className="text-sm">{t("failure.missingText")}</p>}
      {meaning !== "forbidden" && meaning !== "signIn" && (
        <Button look="plain" size="small" onClick={again}>
          {common("again")}
        </Button>
      )}
    </Notice>
  );
}
