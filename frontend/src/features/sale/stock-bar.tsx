import { classes } from "@/ui/classes";

interface Props {
  /** Units that can be had; null while that is not known. */
  free: number | null;
  /** Units that are held for others. */
  held?: number;
  quantity: number;
  className?: string;
}

/** Below this part of all, little is left. */
const LITTLE = 0.2;

/** How much is left, for eyes; the words beside it say it to everybody. */
export function StockBar({ free, held = 0, quantity, className }: Props) {
  const part = (units: number | null) => `${quantity > 0 ? Math.min(100, ((units ?? 0) / quantity) * 100) : 0}%`;
  const little = free !== null && free < quantity * LITTLE;
  return (
    <div aria-hidden className={classes("flex h-2 overflow-hidden rounded-full bg-sunken", className)}>
      <div
        className={classes("rounded-full transition-[width] duration-500", little ? "bg-warn" : "bg-accent")}
        style={{ width: part(free) }}
      />
      <div className="bg-line transition-[width] duration-500" style={{ width: part(held) }} />
    </div>
  );
}
