// Pieces that several views are made of.

import { call, nextQuery } from "./api.js";
import { h, put } from "./dom.js";
import { apiLocale, say, t } from "./words.js";

/** A term and what it is, of a list of facts. @param {string} term @param {...import("./dom.js").Child} value */
export function fact(term, ...value) {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

/** A status in words and colour. @param {string} status */
export function badge(status) {
  return h("span", { class: `badge ${status.toLowerCase()}` }, say("status", status));
}

/**
 * A table that a phone shows as cards; `label` of a cell is its column's heading. Roles are said, as browsers forget
 * them where the style sheet makes a table something else.
 * @param {string} caption
 * @param {{label: string, isNumber?: boolean}[]} columns
 * @param {import("./dom.js").Child[][]} rows a cell for each column
 * @param {boolean} [isSheet] of many rows: a phone shows it as it is, and it scrolls within itself
 */
export function table(caption, columns, rows, isSheet = false) {
  const head = ({ label, isNumber }) => h("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : null }, label);
  const cell = (child, index) => {
    const { label, isNumber } = columns[index];
    const kind = index === 0 ? { scope: "row", role: "rowheader" } : { role: "cell" };
    return h(index === 0 ? "th" : "td", { ...kind, "data-label": label, class: isNumber ? "number" : null }, h("div", { class: "cell" }, child));
  };
  const frame = isSheet ? { class: "sheet", role: "region", "aria-label": caption, tabindex: "0" } : { class: "table" };
  return h("div", frame, h("table", { role: "table" },
    h("caption", { class: "for-ears" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(head))),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map(cell))))));
}

/** What stands where a list would. @param {string} text @param {...import("./dom.js").Child} more */
export function empty(text, ...more) {
  return h("div", { class: "empty" }, h("p", {}, text), more);
}

/** A link to another view. @param {string} path @param {...import("./dom.js").Child} children */
export function link(path, ...children) {
  return h("a", { href: `#${path}` }, children);
}

/** The way back to a list. @param {string} path @param {string} text */
export function wayBack(path, text) {
  return h("p", { class: "back" }, h("a", { href: `#${path}` }, "← ", text));
}

/**
 * Buttons to the next page and back; the API's cursors go forward only, so the way back is kept here.
 * @param {(query: Object<string, string> | null) => void} show shows a page by its query, null for the first
 */
export function pager(show) {
  /** @type {(Object<string, string> | null)[]} */
  const before = [];
  /** @type {Object<string, string> | null} */
  let current = null;
  const element = h("div", { class: "buttons pager" });
  return {
    element,
    /** @param {string | null} next address in the API's answer */
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

/** @type {Object<string, Promise<import("./shapes.js").ReportType[]>>} */
const kept = {};

/** The report types, in the page's language; asked for once. @returns {Promise<import("./shapes.js").ReportType[]>} */
export async function loadTypes() {
  const locale = apiLocale();
  kept[locale] ??= call("GET", "report-types", { query: { locale } }).then(({ data }) => data.items);
  kept[locale].catch(() => delete kept[locale]);
  return kept[locale];
}

/** A type's title; its code where there is none. @param {import("./shapes.js").ReportType[]} types @param {string} type */
export function titleOf(types, type) {
  return types.find((each) => each.type === type)?.title ?? type;
}
