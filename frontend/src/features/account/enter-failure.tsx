import { useTranslation } from "react-i18next";
import { refusedAs } from "@/api/problem";
import { formatWait } from "@/format/wait";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { meaningOf } from "./refusals";

/** Says that it takes longer than usual, and that nobody has to do anything. */
export function EnterWait({ shown }: { shown: boolean }) {
  const { t } = useTranslation("account");
  return (
    <div role="status">{shown && <p className="rounded-xl bg-sunken px-4 py-3 text-sm">{t("failure.trying")}</p>}</div>
  );
}

/** Why somebody did not get in, and what they can do. */
export function EnterFailure({ error, onSignInInstead }: { error: unknown; onSignInInstead?: () => void }) {
  const { t, i18n } = useTranslation("account");
  const meaning = meaningOf(error);
  const often = refusedAs(error, "rate-limited");
  if (often) {
    const wait = formatWait(often.retryAfterSeconds, i18n.language);
    return <Notice tone="warn" title={t("failure.often", { wait })} live="assertive" />;
  }
  return (
    <Notice
      tone={meaning === "away" ? "warn" : "bad"}
      title={t(`failure.${meaning === "often" ? "away" : meaning}`)}
      live="assertive"
    >
      {meaning === "wrong" && <p className="text-sm">{t("failure.wrongText")}</p>}
      {meaning === "exists" && onSignInInstead && (
        <Button look="plain" size="small" onClick={onSignInInstead}>
          {t("failure.signInInstead")}
        </Button>
      )}
    </Notice>
  );
}
