// Pages of a list. The page is part of the URL, so that Back, reload and a copied link show it again.

import { nextQuery } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { hrefOf } from "../lib/router.js";
import { t } from "../words/words.js";

const STORAGE_ITEM = "resma.pages";
const OWN = ["cursor", "first"];

/**
 * Creates links to the next and the previous page. The API has cursors for next pages only, so the tab stores which page
 * preceded which. If it is not stored, the link to the previous page leads to the first page.
 * @param {string} path of the view @param {Object<string, string>} query of the view, with its filters
 * @returns {{element: HTMLElement, cursor: string | undefined, update: (next: string | null, count: number) => void}}
 *   `update` takes `next` and the number of items of the API's response
 */
export function pager(path, query) {
  const { cursor, first: position, ...filters } = query;
  const first = cursor ? Math.max(1, Number.parseInt(position ?? "1", 10) || 1) : 1;
  const element = h("nav", { class: "buttons pager", "aria-label": t("page.pages") });
  const to = (/** @type {Object<string, string>} */ more) => hrefOf(path, { ...filters, ...more });
  const update = (/** @type {string | null} */ next, /** @type {number} */ count) => {
    const following = nextQuery(next)?.cursor;
    const last = first + count - 1;
    if (following) storePrevious(`${path} ${following}`, cursor ? { cursor, first: String(first) } : {});
    element.hidden = !following && !cursor;
    put(element,
      count > 0 && h("span", { class: "soft numbers" }, t(following ? "page.range-more" : "page.range", { first: number(first), last: number(last) })),
      cursor && h("a", { class: "button", href: to(previousPages()[`${path} ${cursor}`] ?? {}) }, `← ${t("page.previous")}`),
      following && h("a", { class: "button", href: to({ cursor: following, first: String(last + 1) }) }, `${t("page.next")} →`));
  };
  return { element, cursor, update };
}

/** Whether the query of a view has filters. @param {Object<string, string>} query */
export function isFiltered(query) {
  return Object.keys(query).some((name) => !OWN.includes(name));
}

/** Returns the previous pages by path and cursor. @returns {Object<string, Object<string, string>>} */
function previousPages() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_ITEM) ?? "{}");
  } catch {
    return {};
  }
}

function storePrevious(page, before) {
  sessionStorage.setItem(STORAGE_ITEM, JSON.stringify({ ...previousPages(), [page]: before }));
}

/** Deletes the stored pages when a session ends. */
export function clearPages() {
  sessionStorage.removeItem(STORAGE_ITEM);
}

/**
 * Creates the buttons of a list that is a part of a view, whose page is not in the URL.
 * @param {(query: Object<string, string> | null) => void} show shows the page of a query; null is the first page
 */
export function partPager(show) {
  /** @type {(Object<string, string> | null)[]} */
  const before = [];
  /** @type {Object<string, string> | null} */
  let current = null;
  const element = h("div", { class: "buttons pager" });
  return {
    element,
    /** @param {string | null} next URL in the API's response */
    update(next) {
      const following = nextQuery(next);
      const forward = () => { before.push(current); current = following; show(current); };
      const back = () => { current = before.pop() ?? null; show(current); };
      element.hidden = following === null && before.length === 0;
      put(element,
        h("button", { type: "button", disabled: before.length === 0, onclick: back }, `← ${t("page.previous")}`),
        h("button", { type: "button", disabled: following === null, onclick: forward }, `${t("page.next")} →`));
    },
  };
}
