import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

function subscribe(listener: () => void) {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

/** Says so while the browser knows that it has no network. */
export function Offline() {
  const { t } = useTranslation();
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  return (
    <div role="status" className="bg-warn-soft text-warn">
      {!online && <p className="mx-auto max-w-5xl px-4 py-2 text-sm">{t("offline")}</p>}
    </div>
  );
}
