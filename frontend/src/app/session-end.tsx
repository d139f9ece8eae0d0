import { Link, useLocation } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useSessionEnded } from "@/api/session-end";

/** Says so when the session has ended while the page was open; signing in leads back to where the reader was. */
export function SessionEnd() {
  const { t } = useTranslation();
  const { href, pathname } = useLocation();
  const ended = useSessionEnded();
  return (
    <div role="status" className="bg-warn-soft text-warn">
      {ended && (
        <p className="mx-auto flex max-w-5xl flex-wrap items-center gap-x-3 px-4 py-1 text-sm">
          <span className="py-2">{t("sessionEnd.text")}</span>
          {pathname !== "/sign-in" && (
            <Link
              to="/sign-in"
              search={{ returnTo: href }}
              className="rounded py-2 font-semibold underline underline-offset-2"
            >
              {t("sessionEnd.signIn")}
            </Link>
          )}
        </p>
      )}
    </div>
  );
}
