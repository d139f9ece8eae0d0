import { useTranslation } from "react-i18next";
import { nameOf, type ProblemName, Refused, Unreachable } from "@/api/problem";
import { Button } from "./button";
import { Notice } from "./notice";

/** What a reader is told of a read that was refused; of all that cannot happen to a read, one sentence. */
const WORDS: { [Name in ProblemName]?: "busy" | "limited" | "notFound" | "notSignedIn" | "forbidden" } = {
  busy: "busy",
  "timed-out": "busy",
  "rate-limited": "limited",
  "not-found": "notFound",
  "not-signed-in": "notSignedIn",
  forbidden: "forbidden",
};

function wordsOf(error: unknown) {
  if (error instanceof Refused) return `failed.${WORDS[nameOf(error.problem)] ?? "refused"}` as const;
  return error instanceof Unreachable ? "failed.unreachable" : "failed.unexpected";
}

/** What is shown in the place of something that could not be read, with a way to read it again. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  return (
    <Notice tone="bad" title={t("failed.title")} live="assertive">
      <p>{t(wordsOf(error))}</p>
      {again && (
        <Button look="plain" size="small" onClick={again}>
          {t("again")}
        </Button>
      )}
    </Notice>
  );
}
