import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "./classes";

const LOOKS = {
  neutral: { icon: Info, look: "border-line bg-sunken text-ink" },
  good: { icon: CircleCheck, look: "border-good/40 bg-good-soft text-good" },
  warn: { icon: TriangleAlert, look: "border-warn/40 bg-warn-soft text-warn" },
  bad: { icon: CircleAlert, look: "border-bad/40 bg-bad-soft text-bad" },
} as const;

interface Props {
  tone?: keyof typeof LOOKS;
  title: ReactNode;
  /** Whether a screen reader tells it when it appears: `polite` for news, `assertive` for what stopped the reader. */
  live?: "polite" | "assertive" | "off";
  children?: ReactNode;
  className?: string;
}

/** Something the reader should know, and below it what they can do about it. */
export function Notice({ tone = "neutral", title, live = "polite", children, className }: Props) {
  const { icon: Icon, look } = LOOKS[tone];
  const role = live === "assertive" ? "alert" : live === "polite" ? "status" : undefined;
  return (
    <div role={role} className={classes("flex gap-3 rounded-xl border p-4", look, className)}>
      <Icon aria-hidden className="mt-0.5 size-5 shrink-0" />
      <div className="min-w-0 grow space-y-2">
        <p className="font-semibold">{title}</p>
        {children}
      </div>
    </div>
  );
}
