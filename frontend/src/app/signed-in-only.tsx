import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import type { SignedIn } from "@/api/schema";
import { sessionQuery, useSessionFailure } from "@/api/session";
import { Failure } from "@/ui/failure";
import { Skeleton } from "@/ui/skeleton";

interface Props {
  /** The path of the page itself. It is not asked for where the reader is: that changes before they have left. */
  here: string;
  children: (session: SignedIn) => ReactNode;
}

/** A page for somebody: whoever is not signed in is asked to be, and comes back. */
export function SignedInOnly({ here, children }: Props) {
  const navigate = useNavigate();
  const { data } = useQuery(sessionQuery);
  const nobodyKnows = useSessionFailure();
  const nobody = data !== undefined && data.session === undefined;
  useEffect(() => {
    if (nobody) void navigate({ to: "/sign-in", search: { returnTo: here }, replace: true });
  }, [nobody, here, navigate]);
  if (data?.session) return children(data.session);
  if (nobodyKnows) return <Failure {...nobodyKnows} />;
  return (
    <div className="space-y-8">
      <Skeleton className="h-9 w-56" />
      <Skeleton className="h-40 rounded-2xl" />
    </div>
  );
}
