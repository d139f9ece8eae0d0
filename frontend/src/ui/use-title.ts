import { useEffect } from "react";
import { useTranslation } from "react-i18next";

/** Names the page in the tab, the history and to a screen reader; nothing but the shop while that is not known. */
export function useTitle(title: string | undefined): void {
  const { t } = useTranslation();
  const brand = t("brand");
  useEffect(() => {
    document.title = title ? `${title} · ${brand}` : brand;
    return () => {
      document.title = brand;
    };
  }, [title, brand]);
}
