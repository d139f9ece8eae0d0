import { type ComponentProps, type ReactNode, useId } from "react";
import { classes } from "./classes";

export const inputLook =
  "min-h-11 w-full rounded-xl border border-line bg-card px-3 py-2 text-ink placeholder:text-muted aria-invalid:border-bad disabled:opacity-60";

type Props = Omit<ComponentProps<"input">, "id"> & { label: ReactNode; hint?: ReactNode; error?: ReactNode };

/** A labelled input; its hint and what is wrong with it are told with it. */
export function Field({ label, hint, error, className, ...rest }: Props) {
  const id = useId();
  const about = [hint ? `${id}-hint` : null, error ? `${id}-error` : null].filter(Boolean).join(" ");
  return (
    <div className={classes("space-y-1.5", className)}>
      <label htmlFor={id} className="block font-medium">
        {label}
      </label>
      <input
        id={id}
        className={inputLook}
        aria-invalid={error ? true : undefined}
        aria-describedby={about || undefined}
        {...rest}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-muted text-sm">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="text-bad text-sm">
          {error}
        </p>
      )}
    </div>
  );
}
