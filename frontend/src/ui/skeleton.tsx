import { classes } from "./classes";

/** Room for something that is on its way, as large as that will be. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={classes("animate-pulse rounded-lg bg-sunken", className)} />;
}
