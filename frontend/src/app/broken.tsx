import type { ErrorComponentProps } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Unreachable } from "@/api/problem";
import { Failure } from "@/ui/failure";
import { loadAnew } from "./begin-again";

/**
 * What stands in the place of a part of the page that threw. The page is begun anew, as some browsers never ask again for a
 * script that did not arrive; by itself where only the network was missing. Nothing is lost by that: wishes are kept.
 */
export function Broken({ error }: ErrorComponentProps) {
  const { t } = useTranslation();
  useEffect(() => {
    if (error instanceof Unreachable) loadAnew();
  }, [error]);
  return (
    <div className="mx-auto max-w-2xl">
      <h1 className="sr-only">{t("failed.title")}</h1>
      <Failure error={error} again={loadAnew} />
    </div>
  );
}

/** The same where the frame of the page threw: nothing else is left then. */
export function BrokenFrame(props: ErrorComponentProps) {
  return (
    <main className="p-4">
      <Broken {...props} />
    </main>
  );
}
