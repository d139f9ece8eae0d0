import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { sessionChanged } from "@/api/session";
import { AccountPage } from "@/features/account/account-page";
import { SignedInOnly } from "../signed-in-only";

export function AccountRoute() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  // Away from here first: to whoever is nobody, this page is a way to sign in.
  const left = async () => {
    await navigate({ to: "/" });
    await sessionChanged();
  };
  return (
    <SignedInOnly here="/account">
      {(session) => (
        <AccountPage
          session={session}
          onLeft={left}
          signInLink={
            <Link to="/sign-in" search={{ returnTo: "/account" }}>
              {t("nav.signIn")}
            </Link>
          }
        />
      )}
    </SignedInOnly>
  );
}
