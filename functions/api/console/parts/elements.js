// Elements that several views use.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { apiLocale, say, t } from "../words/words.js";

/** Creates a term with its value in a description list. @param {string} term @param {...import("../lib/dom.js").Child} value */
export function fact(term, ...value) {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

/** Creates the badge of a status. @param {string} status @param {string} [words] other words for the status */
export function badge(status, words = say("status", status)) {
  return h("span", { class: `badge ${status.toLowerCase()}` }, words);
}

/**
 * Creates a table, which narrow screens show as cards with the column headings as labels. Roles are explicit, because
 * browsers drop them if the style sheet changes the display of a table.
 * @param {string} caption
 * @param {{label: string, isNumber?: boolean, isPlain?: boolean}[]} columns cards have no label for plain columns
 * @param {import("../lib/dom.js").Child[][]} rows one cell per column
 * @param {boolean} [isSheet] whether it has many rows: narrow screens show it as a table that scrolls
 */
export function table(caption, columns, rows, isSheet = false) {
  const head = ({ label, isNumber }) => h("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : null }, label);
  const cell = (child, index) => {
    const { label, isNumber, isPlain } = columns[index];
    const kind = index === 0 ? { scope: "row", role: "rowheader" } : { role: "cell" };
    return h(index === 0 ? "th" : "td", { ...kind, "data-label": isPlain ? null : label, class: isNumber ? "number" : null }, h("div", { class: "cell" }, child));
  };
  // Wide tables scroll, which users of a keyboard can do only if the frame can have the focus. It is not a landmark, because
  // the names of landmarks must be unique, and a view may have a table for each item of a list.
  const frame = { class: isSheet ? "sheet" : "table", role: "group", "aria-label": caption, tabindex: "0" };
  return h("div", frame, h("table", { role: "table" },
    h("caption", { class: "screen-reader-only" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(head))),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map(cell))))));
}

/** Whether the screen is so narrow that parts.css shows tables as cards. */
export function showsCards() {
  return matchMedia("(max-width: 44rem)").matches;
}

/** Creates the text that replaces an empty list. @param {string} text @param {...import("../lib/dom.js").Child} more */
export function empty(text, ...more) {
  return h("div", { class: "empty" }, h("p", {}, text), more);
}

/** Creates a link to another view. @param {string} path @param {...import("../lib/dom.js").Child} children */
export function link(path, ...children) {
  return h("a", { href: `#${path}` }, children);
}

/** Creates an element for a name that a user chose. Its writing direction is isolated, and a long name is cut, with the whole name in the tooltip. @param {string} text */
export function named(text) {
  return h("bdi", { class: "clamp", title: text }, text);
}

/** Creates the link back to a list. @param {string} path @param {string} text */
export function wayBack(path, text) {
  return h("p", { class: "back" }, h("a", { href: `#${path}` }, "← ", text));
}

/** @type {Object<string, Promise<import("../lib/shapes.js").Catalog>>} */
const catalogByLocale = {};

/** Returns the report types in the page's language. They are requested once. @returns {Promise<import("../lib/shapes.js").ReportType[]>} */
export async function loadTypes() {
  return (await loadCatalog()).items;
}

/** Returns the report types, and the errors of those that cannot be generated. @param {boolean} [isFresh] requests them again */
export async function loadCatalog(isFresh = false) {
  const locale = apiLocale();
  if (isFresh) delete catalogByLocale[locale];
  catalogByLocale[locale] ??= call("GET", "report-types", { query: { locale } }).then(({ data }) => data);
  catalogByLocale[locale].catch(() => delete catalogByLocale[locale]);
  return catalogByLocale[locale];
}

/** Returns the title of a type, or its code if the type does not exist. @param {import("../lib/shapes.js").ReportType[]} types @param {string} type */
export function titleOf(types, type) {
  return types.find((each) => each.type === type)?.title ?? type;
}
