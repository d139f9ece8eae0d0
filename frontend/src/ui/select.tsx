import { ChevronDown } from "lucide-react";
import type { ComponentProps } from "react";
import { classes } from "./classes";

/** The browser's own list to choose from: it works with every keyboard, phone and screen reader. */
export function Select({ className, children, ...rest }: ComponentProps<"select">) {
  return (
    <span className="relative inline-flex">
      <select
        className={classes(
          "min-h-9 cursor-pointer appearance-none rounded-lg border border-line bg-card py-1 ps-3 pe-8 text-ink text-sm",
          className,
        )}
        {...rest}
      >
        {children}
      </select>
      <ChevronDown
        aria-hidden
        className="pointer-events-none absolute end-2 top-1/2 size-4 -translate-y-1/2 text-muted"
      />
    </span>
  );
}
