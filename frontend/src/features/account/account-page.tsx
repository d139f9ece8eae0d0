import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { SignedIn } from "@/api/schema";
import { formatWhen } from "@/format/when";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Notice } from "@/ui/notice";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import { meQuery } from "./api/get-me";
import { signOut } from "./api/sign-out";
import { EnterFailure } from "./enter-failure";
import { Wallets } from "./wallets";

interface Props {
  session: SignedIn;
  /** Somebody has signed out: they want to be elsewhere, and nothing of theirs may be left. */
  onLeft: () => Promise<void>;
  /** Leads somebody whom nobody knows to where they can become somebody. */
  signInLink: ReactNode;
}

/** Who somebody is here, and what they have. */
export function AccountPage({ session, onLeft, signInLink }: Props) {
  const { t } = useTranslation("account");
  const { data: me, isPending } = useQuery(meQuery);
  const leave = useMutation({ mutationFn: signOut, onSuccess: onLeft });
  const leaving = leave.isPending || leave.isSuccess;
  useTitle(t("account.title"));
  return (
    <div className="space-y-8">
      <div className="flex flex-wrap items-center justify-between gap-4">
        <h1 className="min-w-0 font-bold text-3xl">{t("account.title")}</h1>
        <Button look="plain" aria-disabled={leaving} onClick={() => !leaving && leave.mutate()}>
          {t(leaving ? "signOut.pending" : "signOut.action")}
        </Button>
      </div>
      {leave.isError && <EnterFailure error={leave.error} />}
      <Card>
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          {isPending ? (
            <Skeleton className="h-7 w-48" />
          ) : (
            <p className="min-w-0 break-words font-semibold text-xl">
              {session.guest ? t("account.guest") : (me?.name ?? me?.email ?? t("account.somebody"))}
            </p>
          )}
          {session.roles.includes("merchant") && <Badge tone="accent">{t("account.merchant")}</Badge>}
        </div>
        <Facts session={session} email={me?.name === undefined ? undefined : me.email} />
        {me?.complete === false && <p className="mt-3 text-muted text-sm">{t("account.incomplete")}</p>}
      </Card>
      {session.guest ? (
        <Notice title={t("account.guestNoWallet")} live="off">
          <p className="text-sm">{t("account.guestText")}</p>
          <Button asChild look="plain" size="small">
            {signInLink}
          </Button>
        </Notice>
      ) : (
        <Wallets />
      )}
    </div>
  );
}

function Facts({ session, email }: { session: SignedIn; email: string | undefined }) {
  const { t, i18n } = useTranslation("account");
  return (
    <dl className="mt-4 grid gap-x-6 gap-y-1 text-sm sm:grid-cols-[max-content_1fr]">
      {email !== undefined && (
        <>
          <dt className="text-muted">{t("email.label")}</dt>
          <dd className="mb-2 break-all sm:mb-0">
            <bdi>{email}</bdi>
          </dd>
        </>
      )}
      <dt className="text-muted">{t("account.number")}</dt>
      <dd className="mb-2 break-all font-mono sm:mb-0">
        <bdi>{session.customer}</bdi>
      </dd>
      <dt className="text-muted">{t("account.until")}</dt>
      <dd>
        <time dateTime={session.expiresAt}>{formatWhen(session.expiresAt, i18n.language)}</time>
      </dd>
    </dl>
  );
}
