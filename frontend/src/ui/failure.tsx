import { useTranslation } from "react-i18next";
import { Unreachable } from "@/api/problem";
import { Button } from "./button";
import { Notice } from "./notice";

/** What is shown in the place of something that could not be read, with a way to read it again. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  return (
    <Notice tone="bad" title={t("failed.title")} live="assertive">
      <p>
        {error instanceof Unreachable
          ? t("failed.unreachable")
          : error instanceof Error
            ? error.message
            : t("failed.unexpected")}
      </p>
      {again && (
        <Button look="plain" size="small" onClick={again}>
          {t("again")}
        </Button>
      )}
    </Notice>
  );
}
