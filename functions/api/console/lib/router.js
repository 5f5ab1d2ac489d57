// Shows the view for the fragment of the URL (after #), and moves the focus to it.

import { Problem } from "./api.js";
import { byId, put } from "./dom.js";
import { t } from "../words/words.js";

/**
 * @typedef {{parameters: string[], query: Object<string, string>, signal: AbortSignal}} ViewContext
 *   Groups of the route's pattern, query of the URL, and a signal that is aborted when the view is left.
 * @typedef {{pattern: RegExp, title: string, nav: string | null, scopes: string[],
 *   load: () => Promise<(main: HTMLElement, context: ViewContext) => void | Promise<void>>}} Route
 *   `title` is a key of words, `nav` the path of its menu entry.
 */

const TAB_CHARACTERS = 80;

let leaving = new AbortController();

/** Returns path and query of the current URL. */
export function currentLocation() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: Object.fromEntries(new URLSearchParams(query)) };
}

/** Returns the link to a view. @param {string} path @param {Object<string, string | null>} [query] */
export function hrefOf(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams(/** @type {string[][]} */ (given)).toString();
  return text ? `#${path}?${text}` : `#${path}`;
}

/** Opens another view. @param {string} path @param {Object<string, string | null>} [query] */
export function go(path, query = {}) {
  location.hash = hrefOf(path, query);
}

/** Sets the title of the browser tab. @param {...string} parts the most specific first */
export function nameTab(...parts) {
  document.title = [...parts.map((part) => (part.length > TAB_CHARACTERS ? `${part.slice(0, TAB_CHARACTERS - 1)}…` : part)), document.querySelector(".brand")?.textContent ?? "Resma"].join(" · ");
}

/** Aborts the requests of the current view and closes its dialogs. */
export function leave() {
  leaving.abort();
  leaving = new AbortController();
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
}

/**
 * Shows a route's view. @param {Route} route @param {string} path @param {Object<string, string>} query
 * @param {boolean} isMove whether the user came from another view, so that the heading gets the focus
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

/** Moves the focus to the heading of the view, so that screen readers read it. @param {HTMLElement} main */
export function focusHeading(main) {
  const heading = main.querySelector("h1") ?? main;
  heading.setAttribute("tabindex", "-1");
  /** @type {HTMLElement} */ (heading).focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
