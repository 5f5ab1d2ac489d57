// A request's filters in words, to be read and not to be changed.

import { amount, day } from "./format.js";
import { t } from "./words.js";

/**
 * Label and value of each filter that is set, in the report type's order.
 * @param {Object<string, any>} filters
 * @param {import("./shapes.js").ReportType | undefined} type unknown of a type that is no more: then as they came
 * @returns {[string, string][]}
 */
export function describeFilters(filters, type) {
  const known = type?.filters.properties ?? {};
  const names = [...Object.keys(known), ...Object.keys(filters).filter((name) => !(name in known))];
  return names.filter((name) => filters[name] !== undefined && filters[name] !== null)
    .map((name) => [known[name]?.title ?? name, show(filters[name], known[name])]);
}

/** The same in one line. @param {Object<string, any>} filters @param {import("./shapes.js").ReportType | undefined} type */
export function filtersInLine(filters, type) {
  return describeFilters(filters, type).map(([label, text]) => `${label}: ${text}`).join(" · ");
}

function show(value, item) {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return t(value ? "form.yes" : "form.no");
  if (item?.format === "date") return day(value);
  return item?.pattern ? amount(value) : String(value);
}
