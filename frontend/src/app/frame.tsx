import { Link, Outlet } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useSession } from "@/api/session";
import { Offline } from "./offline";
import { Preferences } from "./preferences";
import { SessionEnd } from "./session-end";

const LINK =
  "rounded-lg px-2 py-2 font-medium text-muted hover:text-ink aria-[current=page]:text-accent-strong sm:px-3";

/** What is around every page: where one is, where one can go, and how it all looks. */
export function Frame() {
  const { t } = useTranslation();
  const session = useSession();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#content"
        className="-translate-y-20 fixed start-2 top-2 z-20 rounded-lg bg-accent px-4 py-2 text-on-accent focus:translate-y-0"
      >
        {t("skip")}
      </a>
      <header className="border-line border-b bg-card print:hidden">
        <div className="mx-auto flex max-w-5xl flex-wrap items-center gap-x-2 px-4 py-1">
          <Link to="/" className="flex items-center gap-2 py-2 font-bold text-lg">
            <img src="/favicon.svg" alt="" width={28} height={28} />
            <span className="hidden sm:inline">{t("brand")}</span>
            <span className="sr-only sm:hidden">{t("brand")}</span>
          </Link>
          <nav
            aria-label={t("nav.label")}
            className="flex grow flex-wrap items-center justify-end text-sm sm:text-base"
          >
            <Link to="/" activeOptions={{ exact: true }} className={LINK}>
              {t("nav.sales")}
            </Link>
            {session && (
              <Link to="/orders" className={LINK}>
                {t("nav.orders")}
              </Link>
            )}
            {session?.roles.includes("merchant") && (
              <Link to="/merchant" className={LINK}>
                {t("nav.merchant")}
              </Link>
            )}
            {/* Its place is kept while nobody knows who is signed in, so that nothing moves. */}
            <Link to={session ? "/account" : "/sign-in"} className={LINK} hidden={session === undefined}>
              {session ? t("nav.account") : t("nav.signIn")}
            </Link>
          </nav>
        </div>
      </header>
      <Offline />
      <SessionEnd />
      <main id="content" tabIndex={-1} className="mx-auto w-full max-w-5xl grow px-4 py-6 outline-none sm:py-10">
        <Outlet />
      </main>
      <footer className="border-line border-t print:hidden">
        <div className="mx-auto flex max-w-5xl flex-wrap items-center justify-between gap-3 px-4 py-4 text-muted text-sm">
          <a href="/docs" className="rounded underline underline-offset-2">
            {t("api")}
          </a>
          <Preferences />
        </div>
      </footer>
    </div>
  );
}
