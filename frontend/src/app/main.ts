/**
 * What the browser runs first. It is small, so that it runs while the rest is still on its way: what the first page shows is
 * asked for here, and has mostly been answered when there is somebody to draw it.
 */
import "./styles.css";
import { currentSession } from "@/api/current-session";
import { allSales } from "@/features/sale/api/ask-sales";
import { chosenLanguage, FIRST_PARTS, words } from "@/text/catalogue";
import { beginAgain, started } from "./begin-again";
import { chosenTheme, showTheme } from "./theme";

showTheme(chosenTheme());
currentSession.askAhead();
if (location.pathname === "/") allSales.askAhead();
// Whoever needs them asks again, and is told then if they did not come.
for (const part of FIRST_PARTS) words(chosenLanguage(), part).catch(() => {});

try {
  await import("./start");
  started();
} catch (error) {
  beginAgain();
  throw error;
}
