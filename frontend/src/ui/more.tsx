import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./button";

interface Props {
  /** Whether there is another page. */
  more: boolean;
  /** Whether it is on its way. */
  pending: boolean;
  onMore: () => void;
}

/** Asks for the next page of a list. When there is none any more, whoever pressed it is told so where they are. */
export function More({ more, pending, onMore }: Props) {
  const { t } = useTranslation();
  const end = useRef<HTMLParagraphElement>(null);
  const pressed = useRef(false);
  useEffect(() => {
    if (!more && pressed.current) end.current?.focus();
  }, [more]);
  if (!more) {
    return pressed.current ? (
      <p ref={end} tabIndex={-1} className="rounded py-2 text-center text-muted text-sm">
        {t("thatIsAll")}
      </p>
    ) : null;
  }
  return (
    <Button
      look="plain"
      className="w-full sm:w-auto"
      aria-disabled={pending}
      onClick={() => {
        pressed.current = true;
        if (!pending) onMore();
      }}
    >
      {pending ? t("loading") : t("more")}
    </Button>
  );
}
