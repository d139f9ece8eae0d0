import { type ReactNode, useEffect, useId, useRef } from "react";
import { classes } from "./classes";

interface Props {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  className?: string;
}

/**
 * A question that has to be answered first. It is the browser's own dialog, which keeps the focus inside and gives it back;
 * libraries that do so insert style sheets, which the policy of this page forbids.
 */
export function Dialog({ open, onClose, title, children, className }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onClose={onClose}
      className={classes(
        "m-auto w-[min(32rem,calc(100vw-2rem))] rounded-2xl border border-line bg-card p-6 text-ink backdrop:bg-shade",
        className,
      )}
    >
      <h2 id={id} className="mb-3 font-semibold text-xl">
        {title}
      </h2>
      {open && children}
    </dialog>
  );
}
