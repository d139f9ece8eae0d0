import { useTranslation } from "react-i18next";
import type { Audited } from "@/api/schema";
import { formatWhen } from "@/format/when";
import { Notice } from "@/ui/notice";

/** When both sides of the books were last compared, and whether they were equal. */
export function Audit({ audit }: { audit: Audited | undefined }) {
  const { t, i18n } = useTranslation("merchant");
  if (audit === undefined) {
    return (
      <Notice title={t("audit.never")} live="off">
        <p className="text-sm">{t("audit.neverText")}</p>
      </Notice>
    );
  }
  const at = formatWhen(audit.at, i18n.language);
  return audit.balanced ? (
    <Notice tone="good" title={t("audit.balanced")} live="off">
      <p className="text-sm">{t(audit.current ? "audit.current" : "audit.since", { at })}</p>
    </Notice>
  ) : (
    <Notice tone="bad" title={t("audit.unbalanced")} live="off">
      <p className="text-sm">{t("audit.unbalancedText", { at })}</p>
      {/* They are written for whoever runs the shop, in the language of its logs. */}
      <ul lang="en" dir="ltr" className="list-disc space-y-1 ps-5 text-sm">
        {audit.breaches.map((breach) => (
          <li key={breach} className="break-words">
            {breach}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
