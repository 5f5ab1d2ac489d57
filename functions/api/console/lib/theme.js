// Light or dark: as the system says, or as chosen here.

const KEPT = "resma.theme";
const THEMES = ["system", "light", "dark"];

/** What was chosen: `system`, `light` or `dark`. */
export function currentTheme() {
  const kept = localStorage.getItem(KEPT);
  return THEMES.includes(kept) ? kept : "system";
}

/** @param {string} theme one of those */
export function chooseTheme(theme) {
  localStorage.setItem(KEPT, theme);
  applyTheme();
}

/** Lets the style sheet know. */
export function applyTheme() {
  document.documentElement.dataset.theme = currentTheme();
}
