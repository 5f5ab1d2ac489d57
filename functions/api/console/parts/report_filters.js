// Filters of the list of reports.

import { h } from "../lib/dom.js";
import { field, input, select } from "../forms/fields.js";
import { isFiltered } from "./pager.js";
import { showsCards } from "./elements.js";
import { go } from "../lib/router.js";
import { say, t } from "../words/words.js";

const STATUSES = ["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED", "SKIPPED"];
const FORMATS = ["PDF", "XLSX", "CSV", "NDJSON", "PARQUET"];

/** Converts the query of the view to that of the API. Days in the browser's time zone become timestamps. @param {Object<string, string>} query */
export function apiFilters({ search, status, type, format, by, from, to }) {
  return {
    search, status, type, format,
    requestedBy: by,
    createdAfter: from && startOf(from, 0),
    createdBefore: to && startOf(to, 1),
  };
}

function startOf(day, daysLater) {
  const at = new Date(`${day}T00:00:00`);
  at.setDate(at.getDate() + daysLater);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** @param {Object<string, string>} query of the view @param {import("../lib/shapes.js").ReportType[]} types */
export function filterForm(query, types) {
  const all = { "": t("reports.all") };
  const inputs = {
    search: input({ type: "search", value: query.search ?? "", maxlength: 200, placeholder: t("reports.search-hint") }),
    status: select(query.status ?? "", { ...all, ...Object.fromEntries(STATUSES.map((each) => [each, say("status", each)])) }),
    type: select(query.type ?? "", { ...all, ...Object.fromEntries(types.map((each) => [each.type, each.title])) }),
    format: select(query.format ?? "", { ...all, ...Object.fromEntries(FORMATS.map((each) => [each, each])) }),
    by: select(query.by ?? "", { "": t("reports.by-anybody"), me: t("reports.by-me"), ...other(query.by) }),
    from: input({ type: "date", value: query.from ?? "" }),
    to: input({ type: "date", value: query.to ?? "" }),
  };
  const fields = Object.entries(inputs).map(([name, each]) => field(`/${name}`, each, { label: t(`reports.${name}`) }));
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (inputs.from.value && inputs.to.value && inputs.to.value < inputs.from.value) {
      const last = fields[fields.length - 1];
      last.setError(`It must not be before from (${inputs.from.value}).`);
      last.focus();
      return;
    }
    go("/reports", Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, each.value.trim()])));
  };
  const form = h("form", { class: "filters", role: "search", onsubmit: apply, "aria-label": t("reports.filters"), novalidate: true },
    fields.map(({ element }) => element),
    h("div", { class: "buttons" },
      h("button", { type: "submit" }, t("reports.filter")),
      // Invisible instead of absent, so that nothing moves when it appears.
      h("a", { class: isFiltered(query) ? "button quiet" : "button quiet unseen", href: "#/reports" }, t("reports.clear"))));
  if (!showsCards()) return form;
  return h("details", { class: "folded", open: isFiltered(query) }, h("summary", {}, t("reports.filters")), form);
}

/** Returns the option of a requester in a link. @param {string | undefined} by */
function other(by) {
  return by && by !== "me" ? { [by]: by } : {};
}
