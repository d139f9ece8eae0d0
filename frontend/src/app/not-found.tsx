import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";

/** There is no page at this address. */
export function NotFound() {
  const { t } = useTranslation();
  return (
    <div className="space-y-4 py-16 text-center">
      <h1 className="font-bold text-3xl">{t("notFound.title")}</h1>
      <p className="text-muted">{t("notFound.text")}</p>
      <Button asChild>
        <Link to="/">{t("notFound.home")}</Link>
      </Button>
    </div>
  );
}
