import type { ErrorComponentProps } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Unreachable } from "@/api/problem";
import { Failure } from "@/ui/failure";
import { loadAnew } from "./begin-again";

/**
 * What is left of the page when a part of it threw. It is begun anew, as some browsers never ask again for a script that did
 * not arrive; by itself where only the network was missing. Nothing is lost by that: wishes are kept.
 */
export function Broken({ error }: ErrorComponentProps) {
  const { t } = useTranslation();
  useEffect(() => {
    if (error instanceof Unreachable) loadAnew();
  }, [error]);
  return (
    <main className="mx-auto max-w-2xl p-4">
      <h1 className="sr-only">{t("failed.title")}</h1>
      <Failure error={error} again={loadAnew} />
    </main>
  );
}
