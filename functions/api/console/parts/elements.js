// Pieces that several views are made of.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { apiLocale, say, t } from "../words/words.js";

/** A term and what it is, of a list of facts. @param {string} term @param {...import("../lib/dom.js").Child} value */
export function fact(term, ...value) {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

/** A status in words and color. @param {string} status @param {string} [words] instead of the status' own */
export function badge(status, words = say("status", status)) {
  return h("span", { class: `badge ${status.toLowerCase()}` }, words);
}

/**
 * A table that a phone shows as cards; `label` of a cell is its column's heading. Roles are said, as browsers forget
 * them where the style sheet makes a table something else.
 * @param {string} caption
 * @param {{label: string, isNumber?: boolean, isPlain?: boolean}[]} columns a phone shows no label of one that is plain
 * @param {import("../lib/dom.js").Child[][]} rows a cell for each column
 * @param {boolean} [isSheet] of many rows: a phone shows it as it is, and it scrolls within itself
 */
export function table(caption, columns, rows, isSheet = false) {
  const head = ({ label, isNumber }) => h("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : null }, label);
  const cell = (child, index) => {
    const { label, isNumber, isPlain } = columns[index];
    const kind = index === 0 ? { scope: "row", role: "rowheader" } : { role: "cell" };
    return h(index === 0 ? "th" : "td", { ...kind, "data-label": isPlain ? null : label, class: isNumber ? "number" : null }, h("div", { class: "cell" }, child));
  };
  const frame = isSheet ? { class: "sheet", role: "region", "aria-label": caption, tabindex: "0" } : { class: "table" };
  return h("div", frame, h("table", { role: "table" },
    h("caption", { class: "for-ears" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(head))),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map(cell))))));
}

/** Whether the page is as narrow as a phone's, where parts.css shows tables as cards. */
export function showsCards() {
  return matchMedia("(max-width: 44rem)").matches;
}

/** What stands where a list would. @param {string} text @param {...import("../lib/dom.js").Child} more */
export function empty(text, ...more) {
  return h("div", { class: "empty" }, h("p", {}, text), more);
}

/** A link to another view. @param {string} path @param {...import("../lib/dom.js").Child} children */
export function link(path, ...children) {
  return h("a", { href: `#${path}` }, children);
}

/** A name that people have chosen: its writing direction ends with it, and a long one is cut with the whole in the tooltip. @param {string} text */
export function named(text) {
  return h("bdi", { class: "clamp", title: text }, text);
}

/** The way back to a list. @param {string} path @param {string} text */
export function wayBack(path, text) {
  return h("p", { class: "back" }, h("a", { href: `#${path}` }, "← ", text));
}

/** @type {Object<string, Promise<import("../lib/shapes.js").ReportType[]>>} */
const kept = {};

/** The report types, in the page's language; asked for once. @returns {Promise<import("../lib/shapes.js").ReportType[]>} */
export async function loadTypes() {
  const locale = apiLocale();
  kept[locale] ??= call("GET", "report-types", { query: { locale } }).then(({ data }) => data.items);
  kept[locale].catch(() => delete kept[locale]);
  return kept[locale];
}

/** A type's title; its code where there is none. @param {import("../lib/shapes.js").ReportType[]} types @param {string} type */
export function titleOf(types, type) {
  return types.find((each) => each.type === type)?.title ?? type;
}
