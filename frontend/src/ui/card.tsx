import type { ComponentProps } from "react";
import { classes } from "./classes";

/** A raised surface. */
export function Card({ className, ...rest }: ComponentProps<"div">) {
  return <div className={classes("rounded-2xl border border-line bg-card p-4 sm:p-6", className)} {...rest} />;
}
