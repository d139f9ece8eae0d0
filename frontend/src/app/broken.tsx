import type { ErrorComponentProps } from "@tanstack/react-router";
import { Failure } from "@/ui/failure";

/** What is left of the page when a part of it threw. */
export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <main className="mx-auto max-w-2xl p-4">
      <Failure error={error} again={reset} />
    </main>
  );
}
