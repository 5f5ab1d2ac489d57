// Light or dark theme: that of the system, or the one that the user selected.

const STORAGE_ITEM = "resma.theme";
const THEMES = ["system", "light", "dark"];

/** Returns the selected theme: `system`, `light` or `dark`. */
export function currentTheme() {
  const stored = localStorage.getItem(STORAGE_ITEM);
  return THEMES.includes(stored) ? stored : "system";
}

/** Selects a theme. @param {string} theme `system`, `light` or `dark` */
export function chooseTheme(theme) {
  localStorage.setItem(STORAGE_ITEM, theme);
  applyTheme();
}

/** Sets the attribute that the style sheet uses. */
export function applyTheme() {
  document.documentElement.dataset.theme = currentTheme();
}
