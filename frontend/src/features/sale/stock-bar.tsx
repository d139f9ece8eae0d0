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

/**
 * How much is left, for eyes; the words beside it say it to everybody. It jumps: stock moves every second, so a bar that
 * slides would never come to rest, and cost a phone every frame of it.
 */
export function StockBar({ free, held = 0, quantity, className }: Props) {
  const part = (units: number | null) =>
    `${quantity > 0 ? Math.min(100, ((units ?? 0) / quantity) * 100).toFixed(1) : 0}%`;
  const little = free !== null && free < quantity * LITTLE;
  return (
    <div aria-hidden className={classes("flex h-2 overflow-hidden rounded-full bg-sunken", className)}>
      <div className={classes("rounded-full", little ? "bg-warn" : "bg-accent")} style={{ width: part(free) }} />
      <div className="bg-line" style={{ width: part(held) }} />
    </div>
  );
}
