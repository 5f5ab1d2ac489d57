// Which view an address (its part after #) shows, and where the keyboard is when it changes.

import { Problem } from "./api.js";
import { byId, put } from "./dom.js";
import { t } from "../words/words.js";

/**
 * @typedef {{parameters: string[], query: Object<string, string>, signal: AbortSignal}} Place
 *   What the pattern caught, what follows the question mark, and what ends when the view is left.
 * @typedef {{pattern: RegExp, title: string, nav: string | null, scopes: string[],
 *   load: () => Promise<(main: HTMLElement, place: Place) => void | Promise<void>>}} Route
 *   `title` is a key of words, `nav` the entry of the menu that it belongs to.
 */

const TAB_CHARACTERS = 80;

let leaving = new AbortController();

/** Where the page is: path and query of its address. */
export function currentPlace() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The link to a view. @param {string} path @param {Object<string, string | null>} [query] */
export function hrefOf(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams(/** @type {string[][]} */ (given)).toString();
  return text ? `#${path}?${text}` : `#${path}`;
}

/** Goes to another view. @param {string} path @param {Object<string, string | null>} [query] */
export function go(path, query = {}) {
  location.hash = hrefOf(path, query);
}

/** Names the browser's tab, so that tabs and history can be told apart. @param {...string} parts the most particular first */
export function nameTab(...parts) {
  document.title = [...parts.map((part) => (part.length > TAB_CHARACTERS ? `${part.slice(0, TAB_CHARACTERS - 1)}…` : part)), "Resma"].join(" · ");
}

/** Ends what the view that is shown still does. */
export function leave() {
  leaving.abort();
  leaving = new AbortController();
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
}

/**
 * Shows a route's view. @param {Route} route @param {string} path @param {Object<string, string>} query
 * @param {boolean} isMove whether the reader came here from another view, so that the heading takes the focus
 */
export async function showRoute(route, path, query, isMove) {
  leave();
  const { signal } = leaving;
  const show = await route.load().catch(() => { throw new Problem(0, "no-answer", t("error.no-answer")); });
  if (signal.aborted) return;
  const main = byId("main");
  put(main);
  nameTab(t(route.title));
  const parameters = (route.pattern.exec(path) ?? []).slice(1);
  const shown = show(main, { parameters, query, signal });
  if (isMove) focusHeading(main);
  await shown;
}

/** Moves the keyboard to the view's heading, which screen readers then read. @param {HTMLElement} main */
export function focusHeading(main) {
  const heading = main.querySelector("h1") ?? main;
  heading.setAttribute("tabindex", "-1");
  /** @type {HTMLElement} */ (heading).focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
