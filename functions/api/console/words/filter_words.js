// Filters of a request in words.

import { amount, day } from "../lib/format.js";
import { t } from "./words.js";

/**
 * Returns label and value of each filter that is set, in the order of the report type.
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

/** Returns the filters that are set in one line. @param {Object<string, any>} filters @param {import("../lib/shapes.js").ReportType | undefined} type */
export function filtersInLine(filters, type) {
  return describeFilters(filters, type).map(([label, text]) => `${label}: ${text}`).join(" · ");
}

/** Returns the labels of filters, or their names if the type does not have them. @param {string[]} names @param {import("../lib/shapes.js").ReportType | undefined} type */
export function labelsOf(names, type) {
  return names.map((name) => type?.filters.properties[name]?.title ?? name);
}

/** Returns the label of a choice, or the choice itself if it has no label. @param {any} item of the filters' JSON Schema @param {string} choice */
export function labelOf(item, choice) {
  return item?.items?.["x-enum-labels"]?.[choice] ?? choice;
}

function show(value, item) {
  if (Array.isArray(value)) return value.map((each) => labelOf(item, each)).join(", ");
  if (typeof value === "boolean") return t(value ? "form.yes" : "form.no");
  if (item?.format === "date") return day(value);
  return item?.format === "decimal" ? amount(value) : String(value);
}
