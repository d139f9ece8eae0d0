import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MerchantPage } from "@/features/merchant/merchant-page";
import { MerchantsOnly } from "@/features/merchant/merchants-only";
import { StatementPage } from "@/features/merchant/statement-page";
import { SignedInOnly } from "../signed-in-only";

/** A page for merchants, at this address. */
function ForMerchants({ here, children }: { here: string; children: ReactNode }) {
  const { t } = useTranslation();
  const signIn = (
    <Link to="/sign-in" search={{ returnTo: here }}>
      {t("nav.signIn")}
    </Link>
  );
  return (
    <SignedInOnly here={here}>
      {(session) => (
        <MerchantsOnly session={session} signInLink={signIn}>
          {children}
        </MerchantsOnly>
      )}
    </SignedInOnly>
  );
}

export function MerchantRoute() {
  const navigate = useNavigate();
  return (
    <ForMerchants here="/merchant">
      <MerchantPage onSale={(sale) => void navigate({ to: "/merchant/$sale", params: { sale } })} />
    </ForMerchants>
  );
}

/** Which orders are shown is part of the address, so that neither a reload nor signing in again loses it. */
export function StatementRoute() {
  const { t } = useTranslation("merchant");
  const { sale } = useParams({ from: "/merchant/$sale" });
  const { state, order } = useSearch({ from: "/merchant/$sale" });
  const which = { ...(state && { state }), ...(order && { order }) };
  const navigate = useNavigate();
  const search = new URLSearchParams(which).toString();
  return (
    <ForMerchants here={`/merchant/${sale}${search && `?${search}`}`}>
      <StatementPage
        key={sale}
        sale={sale}
        which={which}
        onWhich={(search) =>
          void navigate({ to: "/merchant/$sale", params: { sale }, search, replace: true, resetScroll: false })
        }
        back={
          <Link to="/merchant" className="inline-block rounded py-2 text-muted underline underline-offset-2">
            {t("back")}
          </Link>
        }
      />
    </ForMerchants>
  );
}
