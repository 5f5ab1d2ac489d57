// View: reports of the tenant, newest first. The list is updated while any of them is in progress.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { filtersInLine } from "../words/filter_words.js";
import { number, percent, when } from "../lib/format.js";
import { problemBox } from "../parts/notices.js";
import { isFiltered, pager } from "../parts/pager.js";
import { badge, empty, link, loadTypes, named, table, titleOf } from "../parts/elements.js";
import { poll } from "../lib/poll.js";
import { apiFilters, filterForm } from "../parts/report_filters.js";
import { requester } from "../parts/requester.js";
import { can } from "../lib/session.js";
import { many, t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

const PAGE = 25;
const LINE = 80;

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showReports(main, { query, signal }) {
  const list = h("div", { "aria-busy": "true" }, h("p", { class: "soft" }, t("page.loading")));
  const problemArea = h("div");
  const filters = h("div");
  put(main, h("h1", {}, t("reports.title")), filters, problemArea, list);
  const types = await loadTypes();
  const pages = pager("/reports", query);
  const parameters = { ...apiFilters(query), limit: PAGE, cursor: pages.cursor };
  put(filters, filterForm(query, types));
  main.append(pages.element);
  let before = "";
  poll(async () => {
    const { data } = await call("GET", "reports", { query: parameters, signal });
    const now = JSON.stringify(data);
    const changed = now !== before;
    before = now;
    if (changed) { put(list, rows(data.items, types, query)); pages.update(data.next, data.items.length); list.removeAttribute("aria-busy"); }
    return { again: data.items.some(isUnderWay), changed, retryAfter: 2 };
  }, signal, (problem) => {
    put(problemArea, problem && problemBox(problem));
    if (problem && !problem.passes) { put(list); list.removeAttribute("aria-busy"); }
  });
}

/** Whether a report is queued or being generated. @param {import("../lib/shapes.js").Report} report */
export function isUnderWay(report) {
  return report.status === "PENDING" || report.status === "GENERATING";
}

function rows(reports, types, query) {
  if (reports.length === 0) {
    const isNarrowed = isFiltered(query);
    return empty(t(isNarrowed ? "reports.no-matches" : "reports.none"),
      !isNarrowed && can("reports:write") && h("a", { class: "button primary", href: "#/reports/new" }, t("new-report.title")));
  }
  const columns = [
    { label: t("reports.report") }, { label: t("reports.status"), isPlain: true }, { label: t("reports.formats"), isPlain: true },
    { label: t("reports.rows"), isNumber: true }, { label: t("reports.by"), isPlain: true }, { label: t("reports.created"), isPlain: true },
  ];
  return [table(t("reports.title"), columns, reports.map((report) => [
    [link(`/reports/${report.id}`, named(report.title ?? titleOf(types, report.type))), h("span", { class: "hint" }, h("bdi", {}, describe(report, types)))],
    [badge(report.status), report.held && [" ", badge("held", t("report.is-held"))], report.status === "GENERATING" && report.progress.percent !== null && h("span", { class: "hint" }, ` ${percent(report.progress.percent)}`)],
    [report.formats.join(", "), filesHint(report)],
    report.rows === 0 ? h("strong", {}, number(0)) : number(report.rows),
    requester(report.requestedBy, report.requestedByName),
    when(report.createdAt),
  ])), zoneHint()];
}

/** Returns the number of files of a split report. @param {import("../lib/shapes.js").Report} report */
function filesHint({ split, formats }) {
  const files = (split?.keys ?? 0) * formats.length;
  return files > 0 && h("span", { class: "hint" }, many("reports.files", files, number(files)));
}

/** Returns the filters of a report in one line, which distinguish it from others of its type. @param {import("../lib/shapes.js").Report} report */
function describe(report, types) {
  const text = filtersInLine(report.filters, types.find((each) => each.type === report.type));
  return text.length > LINE ? `${text.slice(0, LINE - 1)}…` : text || report.id.slice(0, 8);
}
