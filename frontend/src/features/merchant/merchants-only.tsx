import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { SignedIn } from "@/api/schema";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";

interface Props {
  session: SignedIn;
  /** Leads to where somebody can sign in as somebody else. */
  signInLink: ReactNode;
  children: ReactNode;
}

/** A clear no to everybody else. It only spares them a refusal: the API decides who may see what. */
export function MerchantsOnly({ session, signInLink, children }: Props) {
  const { t } = useTranslation("merchant");
  if (session.roles.includes("merchant")) return children;
  return (
    <div className="space-y-6">
      <h1 className="font-bold text-3xl">{t("title")}</h1>
      <Notice tone="warn" title={t("only.title")} live="off">
        <p className="text-sm">{t("only.text")}</p>
        <Button asChild look="plain" size="small">
          {signInLink}
        </Button>
      </Notice>
    </div>
  );
}
