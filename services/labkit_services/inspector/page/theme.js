// The page's colours: the user's choice, else JupyterLab's, else the system's.

import { followTheme, jupyterLabDocument } from "./jupyterlab.js";
import { preference, setPreference } from "./preferences.js";

const THEMES = ["system", "light", "dark"];
let surroundings = "system";

/** Return the user's choice: "system", "light" or "dark". */
export const theme = () => preference("theme") ?? "system";

const show = () => {
  document.documentElement.dataset.theme = theme() === "system" ? surroundings : theme();
};

/** Show the colours, and follow JupyterLab's where it shows this page. */
export function installTheme() {
  const jupyterLab = jupyterLabDocument();
  if (!jupyterLab) return show();
  followTheme(jupyterLab, (found) => {
    surroundings = found;
    show();
  });
}

/** Choose the next one; return it. */
export function nextTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  setPreference("theme", next);
  show();
  return next;
}
