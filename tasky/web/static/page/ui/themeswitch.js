import { html, useState } from "../html.js";
import { Icon } from "./icons.js";

const KEY = "tasky-theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const NAMES = { auto: "as the system has it", light: "light", dark: "dark" };

/** Light, dark, or as the system has it. theme.js reads it before the page is painted. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "auto");
  const change = () => {
    const next = NEXT[theme];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Then it holds until the page is loaded again.
    }
    setTheme(next);
  };
  const label = `Colours: ${NAMES[theme]}`;
  return html`<button
    type="button"
    class="quiet icon-only"
    aria-label=${label}
    title=${label}
    onClick=${change}
  >
    <${Icon} name=${ICONS[theme]} />
  </button>`;
}
