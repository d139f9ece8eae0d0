import { CircleCheck, CircleX, Hourglass, Undo2 } from "lucide-react";
import type { RefObject } from "react";
import type { AnyOrder } from "@/api/schema";
import { useWords } from "./use-words";

const LOOKS = {
  held: { icon: Hourglass, look: "bg-warn-soft text-warn" },
  confirmed: { icon: CircleCheck, look: "bg-good-soft text-good" },
  refunded: { icon: Undo2, look: "bg-accent-soft text-accent-strong" },
  cancelled: { icon: CircleX, look: "bg-sunken text-muted" },
  expired: { icon: CircleX, look: "bg-sunken text-muted" },
  released: { icon: CircleX, look: "bg-sunken text-muted" },
} as const;

interface Props {
  order: AnyOrder;
  heading: RefObject<HTMLHeadingElement | null>;
}

/** How an order stands, as the page's heading; a change is told when it happens. */
export function Outcome({ order, heading }: Props) {
  const { t } = useWords();
  const how = order.reason ?? order.state;
  const { icon: Icon, look } = LOOKS[how];
  return (
    <header className="flex items-center gap-4">
      <span className={`flex size-14 shrink-0 items-center justify-center rounded-full ${look}`}>
        <Icon aria-hidden className="size-7" />
      </span>
      <div className="min-w-0">
        <h1 ref={heading} tabIndex={-1} className="font-bold text-2xl outline-none sm:text-3xl">
          {t(`outcome.${how}.title`)}
        </h1>
        <p role="status" className="text-muted">
          {t(`outcome.${how}.text`)}
        </p>
      </div>
    </header>
  );
}
