// A request's filters in words, to be read and not to be changed.

import { amount, day } from "../lib/format.js";
import { t } from "./words.js";

/**
 * Label and value of each filter that is set, in the report type's order.
 * @param {Object<string, any>} filters
 * @param {import("../lib/shapes.js").ReportType | undefined} type undefined for a type that no longer exists; values are then shown as stored
 * @returns {[string, string][]}
 */
export function describeFilters(filters, type) {
  const known = type?.filters.properties ?? {};
  const names = [...Object.keys(known), ...Object.keys(filters).filter((name) => !(name in known))];
  return names.filter((name) => filters[name] !== undefined && filters[name] !== null)
    .map((name) => [known[name]?.title ?? name, show(filters[name], known[name])]);
}

/** The same in one line. @param {Object<string, any>} filters @param {import("../lib/shapes.js").ReportType | undefined} type */
export function filtersInLine(filters, type) {
  return describeFilters(filters, type).map(([label, text]) => `${label}: ${text}`).join(" · ");
}

/** The label of a choice; the choice itself where it has none. @param {any} item of the filters' JSON Schema @param {string} choice */
export function labelOf(item, choice) {
  return item?.items?.["x-enum-labels"]?.[choice] ?? choice;
}

function show(value, item) {
  if (Array.isArray(value)) return value.map((each) => labelOf(item, each)).join(", ");
  if (typeof value === "boolean") return t(value ? "form.yes" : "form.no");
  if (item?.format === "date") return day(value);
  return item?.format === "decimal" ? amount(value) : String(value);
}
