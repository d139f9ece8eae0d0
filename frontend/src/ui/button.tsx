import * as Slot from "@radix-ui/react-slot";
import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";
import { classes } from "./classes";

const button = cva(
  "inline-flex cursor-pointer items-center justify-center gap-2 rounded-xl font-semibold transition-colors disabled:cursor-not-allowed disabled:opacity-60 aria-disabled:cursor-not-allowed aria-disabled:opacity-60",
  {
    variants: {
      look: {
        main: "bg-accent text-on-accent enabled:hover:bg-accent-strong",
        plain: "border border-line bg-card text-ink enabled:hover:bg-sunken",
        quiet: "text-ink enabled:hover:bg-sunken",
        danger: "border border-bad text-bad enabled:hover:bg-bad-soft",
      },
      size: { normal: "min-h-11 px-5 py-2", small: "min-h-9 px-3 py-1 text-sm", large: "min-h-13 px-6 py-3 text-lg" },
    },
    defaultVariants: { look: "main", size: "normal" },
  },
);

type Props = ComponentProps<"button"> & VariantProps<typeof button> & { asChild?: boolean };

/** A button; with `asChild`, whatever it holds (a link) looks like one. */
export function Button({ asChild, look, size, className, type = "button", ...rest }: Props) {
  const all = classes(button({ look, size }), className);
  return asChild ? <Slot.Root className={all} {...rest} /> : <button type={type} className={all} {...rest} />;
}
