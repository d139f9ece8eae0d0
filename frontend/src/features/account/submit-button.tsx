import { type ReactNode, useState } from "react";
import { serverClock } from "@/api/clock";
import { refusedAs } from "@/api/problem";
import { Button } from "@/ui/button";
import { useReadOff } from "@/ui/use-now";

interface Props {
  /** What the last attempt ended with. */
  error: unknown;
  waiting: boolean;
  children: ReactNode;
}

/** Sends the form. After too many attempts it counts down, in sight only: it has been said once how long that takes. */
export function SubmitButton({ error, waiting, children }: Props) {
  const often = refusedAs(error, "rate-limited");
  const [refused, setRefused] = useState<unknown>();
  const [until, setUntil] = useState(0);
  if (often !== refused) {
    setRefused(often);
    setUntil(often === undefined ? 0 : serverClock.now() + often.retryAfterSeconds * 1_000);
  }
  // The clock of the page turns at full seconds, so that it may be up to one behind.
  const most = often?.retryAfterSeconds ?? 0;
  const left = useReadOff((now) => Math.max(0, Math.min(most, Math.ceil((until - now) / 1_000))));
  return (
    // It stays the same button, or it would lose the focus.
    <Button type={left > 0 ? "button" : "submit"} className="w-full" aria-disabled={waiting || left > 0}>
      {children}
      {left > 0 && (
        <span aria-hidden className="tabular-nums">
          {Math.floor(left / 60)}:{String(left % 60).padStart(2, "0")}
        </span>
      )}
    </Button>
  );
}
