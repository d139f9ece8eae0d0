import { recalled, remember } from "@/api/remembered";

/** Light, dark, or whatever the system says. */
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const CHOSEN = "sluice.theme";

export function chosenTheme(): Theme {
  const chosen = recalled(CHOSEN);
  return THEMES.find((theme) => theme === chosen) ?? "system";
}

export function showTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  remember(CHOSEN, theme);
  showTheme(theme);
}
