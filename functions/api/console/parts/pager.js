// Pages of a list. Which page is shown is part of the URL, so that Back, reload and a copied link show it again.

import { nextQuery } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { hrefOf } from "../lib/router.js";
import { t } from "../words/words.js";

const KEPT = "resma.pages";
const OWN = ["cursor", "first"];

/**
 * Links to the next page and the one before. The API's cursors lead forward only, so the tab keeps which page led to
 * which; where it does not know, the way back is to the first page.
 * @param {string} path of the view @param {Object<string, string>} query of the view, with its filters
 * @returns {{element: HTMLElement, cursor: string | undefined, update: (next: string | null, count: number) => void}}
 *   `update` takes `next` of the API's answer and how many items it has
 */
export function pager(path, query) {
  const { cursor, first: place, ...filters } = query;
  const first = cursor ? Math.max(1, Number.parseInt(place ?? "1", 10) || 1) : 1;
  const element = h("nav", { class: "buttons pager", "aria-label": t("page.pages") });
  const to = (/** @type {Object<string, string>} */ more) => hrefOf(path, { ...filters, ...more });
  const update = (/** @type {string | null} */ next, /** @type {number} */ count) => {
    const following = nextQuery(next)?.cursor;
    const last = first + count - 1;
    if (following) keep(`${path} ${following}`, cursor ? { cursor, first: String(first) } : {});
    element.hidden = !following && !cursor;
    put(element,
      count > 0 && h("span", { class: "soft numbers" }, t(following ? "page.range-more" : "page.range", { first: number(first), last: number(last) })),
      cursor && h("a", { class: "button", href: to(kept()[`${path} ${cursor}`] ?? {}) }, `← ${t("page.previous")}`),
      following && h("a", { class: "button", href: to({ cursor: following, first: String(last + 1) }) }, `${t("page.next")} →`));
  };
  return { element, cursor, update };
}

/** Whether a view's query has filters, beside its page. @param {Object<string, string>} query */
export function isFiltered(query) {
  return Object.keys(query).some((name) => !OWN.includes(name));
}

/** @returns {Object<string, Object<string, string>>} the page before, by path and cursor */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

function keep(page, before) {
  sessionStorage.setItem(KEPT, JSON.stringify({ ...kept(), [page]: before }));
}

/** Forgets the ways back, when a session ends. */
export function forgetPages() {
  sessionStorage.removeItem(KEPT);
}

/**
 * Buttons for a list that is a part of a view: it is not in the URL.
 * @param {(query: Object<string, string> | null) => void} show shows a page by its query, null for the first
 */
export function partPager(show) {
  /** @type {(Object<string, string> | null)[]} */
  const before = [];
  /** @type {Object<string, string> | null} */
  let current = null;
  const element = h("div", { class: "buttons pager" });
  return {
    element,
    /** @param {string | null} next URL in the API's answer */
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
