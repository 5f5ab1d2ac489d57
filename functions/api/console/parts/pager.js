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
 * @param {{back: string, forward: string}} [words] keys of the labels; by default those of lists with the newest first
 */
export function partPager(show, { back, forward } = { back: "page.previous", forward: "page.next" }) {
  const FIRST = { query: null, first: 1 };
  /** @type {{query: Object<string, string> | null, first: number}[]} */
  let before = [];
  /** @type {{query: Object<string, string> | null, first: number}} */
  let current = FIRST;
  const position = h("span", { class: "soft numbers" });
  const element = h("div", { class: "buttons pager" });
  return {
    element,
    /** @param {string | null} next URL in the API's response @param {number} [count] number of items of the page, whose position is then shown */
    update(next, count = 0) {
      const following = nextQuery(next);
      const step = (/** @type {-1 | 1} */ by) => () => {
        if (by > 0) before.push(current);
        current = by > 0 ? { query: following, first: current.first + count } : before.pop() ?? FIRST;
        show(current.query);
      };
      const focused = [...element.querySelectorAll("button")].findIndex((each) => each === document.activeElement);
      const last = current.first + count - 1;
      position.textContent = count > 0 ? t(following ? "page.range-more" : "page.range", { first: number(current.first), last: number(last) }) : "";
      element.hidden = following === null && before.length === 0;
      put(element, count > 0 && position,
        h("button", { type: "button", disabled: before.length === 0, onclick: step(-1) }, `← ${t(back)}`),
        h("button", { type: "button", disabled: following === null, onclick: step(1) }, `${t(forward)} →`));
      // The focus stays on the button, or moves to the other one on the first and the last page.
      const buttons = [...element.querySelectorAll("button")];
      if (focused >= 0) (buttons[focused].disabled ? buttons[1 - focused] : buttons[focused]).focus();
    },
    /** Discards the previous pages, because the list is another one. */
    reset() {
      before = [];
      current = FIRST;
    },
    /** Returns the position of the page in words. */
    text: () => position.textContent ?? "",
  };
}
