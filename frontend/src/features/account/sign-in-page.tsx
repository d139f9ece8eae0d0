import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { sessionQuery, useSessionFailure } from "@/api/session";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Failure } from "@/ui/failure";
import { Notice } from "@/ui/notice";
import { Skeleton } from "@/ui/skeleton";
import { useTitle } from "@/ui/use-title";
import type { Mode } from "./credentials";
import { Guest } from "./guest";
import { arrivalOf } from "./refusals";
import { SignInForm } from "./sign-in-form";

interface Props {
  /** The path to go to afterwards. */
  returnTo: string;
  /** The name of the refusal that sent somebody here, as an address says. */
  problem: string | undefined;
  onEntered: () => void;
}

/** Everything that gets somebody in, in one place. */
export function SignInPage({ returnTo, problem, onEntered }: Props) {
  const { t } = useTranslation("account");
  const id = useId();
  const [mode, setMode] = useState<Mode>("signIn");
  const { data } = useQuery(sessionQuery);
  const nobodyKnows = useSessionFailure();
  const arrival = arrivalOf(problem);
  useTitle(t(`${mode}.title`));
  return (
    <div className="mx-auto max-w-md space-y-6">
      <h1 id={id} className="font-bold text-3xl">
        {t(`${mode}.title`)}
      </h1>
      {arrival && <Notice tone="warn" title={t(`arrival.${arrival}`)} />}
      {data?.session && <Already guest={data.session.guest} onGo={onEntered} />}
      {data?.ways.password !== false && (
        <Card>
          <SignInForm mode={mode} onMode={setMode} titleId={id} onEntered={onEntered} />
        </Card>
      )}
      {/* How else one gets in is known after an answer; what stands above does not move when it comes. */}
      {data === undefined && (nobodyKnows ? <Failure {...nobodyKnows} /> : <Waiting />)}
      {data && (
        <div className="space-y-4">
          {data.ways.oidc && (
            <Button asChild look="plain" className="w-full">
              <a href={`/v1/sessions/oidc?returnTo=${encodeURIComponent(returnTo)}`}>{t("oidc")}</a>
            </Button>
          )}
          {!data.session && <Guest onEntered={onEntered} />}
        </div>
      )}
    </div>
  );
}

/** To somebody who is signed in and came here all the same. A guest may have come to become somebody. */
function Already({ guest, onGo }: { guest: boolean; onGo: () => void }) {
  const { t } = useTranslation("account");
  return (
    <Notice title={t(guest ? "already.guest" : "already.title")} live="off">
      {guest && <p className="text-sm">{t("already.guestText")}</p>}
      <Button look="plain" size="small" onClick={onGo}>
        {t("already.go")}
      </Button>
    </Notice>
  );
}

function Waiting() {
  return (
    <div className="space-y-3">
      <Skeleton className="h-11 rounded-xl" />
      <Skeleton className="h-10" />
    </div>
  );
}
