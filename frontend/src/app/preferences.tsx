import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isLanguage, LANGUAGES } from "@/text/languages";
import { language, speak } from "@/text/text";
import { Select } from "@/ui/select";
import { chooseTheme, chosenTheme, THEMES } from "./theme";

/** Language and appearance; both are remembered by this browser. */
export function Preferences() {
  const { t } = useTranslation();
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <div className="flex flex-wrap gap-3">
      <Select
        aria-label={t("language")}
        value={language()}
        onChange={({ target }) => isLanguage(target.value) && void speak(target.value)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </Select>
      <Select
        aria-label={t("theme.label")}
        value={theme}
        onChange={({ target }) => {
          const chosen = THEMES.find((theme) => theme === target.value) ?? "system";
          setTheme(chosen);
          chooseTheme(chosen);
        }}
      >
        {THEMES.map((theme) => (
          <option key={theme} value={theme}>
            {t(`theme.${theme}`)}
          </option>
        ))}
      </Select>
    </div>
  );
}
