import { useTranslation } from "react-i18next";
import type { Mode } from "./credentials";

const MODES: readonly Mode[] = ["signIn", "register"];

/** Whether somebody has an account or wants one. */
export function Modes({ mode, onMode, labelledBy }: { mode: Mode; onMode: (mode: Mode) => void; labelledBy: string }) {
  const { t } = useTranslation("account");
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset does not lay out its children in one line everywhere.
    <div role="group" aria-labelledby={labelledBy} className="grid grid-cols-2 gap-1 rounded-xl bg-sunken p-1">
      {MODES.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={mode === each}
          onClick={() => mode !== each && onMode(each)}
          className="min-h-11 cursor-pointer rounded-lg px-2 font-medium text-muted hover:text-ink aria-pressed:bg-card aria-pressed:text-ink aria-pressed:shadow-sm"
        >
          {t(`${each}.tab`)}
        </button>
      ))}
    </div>
  );
}
