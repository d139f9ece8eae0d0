import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { Unreachable } from "@/api/problem";
import { Failure } from "@/ui/failure";

/**
 * What is left of the page when a part of it threw.
 *
 * A part that did not arrive is asked for again, which works without leaving the page; anything else is begun anew, with
 * whatever a newer version of the page is made of. Nothing is lost: wishes are kept by the browser.
 */
export function Broken({ error }: ErrorComponentProps) {
  const router = useRouter();
  const again = () => (error instanceof Unreachable ? void router.invalidate() : location.reload());
  return (
    <main className="mx-auto max-w-2xl p-4">
      <Failure error={error} again={again} />
    </main>
  );
}
