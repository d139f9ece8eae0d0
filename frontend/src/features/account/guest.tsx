import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";
import { useEnter } from "./enter";
import { EnterFailure, EnterWait } from "./enter-failure";

/** Lets somebody in whom nobody knows, and says what that costs them before they choose it. */
export function Guest({ onEntered }: { onEntered: () => void }) {
  const { t } = useTranslation("account");
  const enter = useEnter(onEntered);
  const waiting = enter.isPending || enter.isSuccess;
  return (
    <div className="space-y-3">
      <Button
        look="plain"
        className="w-full"
        aria-disabled={waiting}
        onClick={() => !waiting && enter.mutate({ mode: "guest" })}
      >
        {t(waiting ? "guest.pending" : "guest.action")}
      </Button>
      <p className="text-muted text-sm">{t("guest.text")}</p>
      <EnterWait shown={enter.isPending && enter.failureCount > 0} />
      {enter.isError && <EnterFailure error={enter.error} />}
    </div>
  );
}
