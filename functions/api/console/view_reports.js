// The tenant's reports, newest first, kept up to date while any of them is under way.

import { call } from "./api.js";
import { h, put } from "./dom.js";
import { field, input, select } from "./fields.js";
import { filtersInLine } from "./filter_texts.js";
import { number, percent, when } from "./format.js";
import { problemBox } from "./notices.js";
import { badge, empty, link, loadTypes, pager, table, titleOf } from "./parts.js";
import { poll } from "./poll.js";
import { go } from "./router.js";
import { can } from "./session.js";
import { say, t } from "./words.js";

const STATUSES = ["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED"];
const FORMATS = ["PDF", "XLSX", "CSV", "NDJSON", "PARQUET"];
const PAGE = 25;
const LINE = 80;

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showReports(main, { query, signal }) {
  const list = h("div", { "aria-busy": "true" }, h("p", { class: "soft" }, t("page.loading")));
  const trouble = h("div");
  const filters = h("div");
  put(main, h("h1", {}, t("reports.title")), filters, trouble, list);
  const types = await loadTypes();
  const fixed = { ...fromDays(query), limit: PAGE };
  let round = new AbortController();
  const pages = pager((page) => follow(page));
  const follow = (page) => {
    round.abort();
    round = new AbortController();
    keepShowing({ ...fixed, ...page }, AbortSignal.any([signal, round.signal]));
  };
  const keepShowing = (asked, ends) => {
    let before = "";
    poll(async () => {
      const { data } = await call("GET", "reports", { query: asked, signal: ends });
      const now = JSON.stringify(data);
      const changed = now !== before;
      before = now;
      if (changed) { put(list, rows(data.items, types, query)); pages.update(data.next); list.removeAttribute("aria-busy"); }
      return { again: data.items.some(isUnderWay), changed, retryAfter: 2 };
    }, ends, (problem) => {
      put(trouble, problem && problemBox(problem));
      if (problem && !problem.passes) { put(list); list.removeAttribute("aria-busy"); }
    });
  };
  put(filters, filterForm(query, types));
  main.append(pages.element);
  follow(null);
}

/** @param {import("./shapes.js").Report} report */
export function isUnderWay(report) {
  return report.status === "PENDING" || report.status === "GENERATING";
}

/** Whole days, in the browser's time zone, as the moments that the API takes. */
function fromDays({ status, type, format, from, to }) {
  const moment = (day, end) => {
    const at = new Date(`${day}T00:00:00`);
    if (end) at.setDate(at.getDate() + 1);
    return Number.isNaN(at.getTime()) ? null : at.toISOString();
  };
  return { status, type, format, createdAfter: from && moment(from, false), createdBefore: to && moment(to, true) };
}

function filterForm(query, types) {
  const all = { "": t("reports.all") };
  const names = {
    status: select(query.status ?? "", { ...all, ...Object.fromEntries(STATUSES.map((each) => [each, say("status", each)])) }),
    type: select(query.type ?? "", { ...all, ...Object.fromEntries(types.map((each) => [each.type, each.title])) }),
    format: select(query.format ?? "", { ...all, ...Object.fromEntries(FORMATS.map((each) => [each, each])) }),
    from: input({ type: "date", value: query.from ?? "" }),
    to: input({ type: "date", value: query.to ?? "" }),
  };
  const apply = (event) => {
    event.preventDefault();
    go("/reports", Object.fromEntries(Object.entries(names).map(([name, each]) => [name, each.value])));
  };
  const isOpen = Object.keys(query).length > 0;
  return h("form", { class: "filters", role: "search", onsubmit: apply, "aria-label": t("reports.filter") },
    Object.entries(names).map(([name, each]) => field(`/${name}`, each, { label: t(`reports.${name}`) }).element),
    h("div", { class: "buttons" },
      h("button", { type: "submit" }, t("reports.filter")),
      // Its room is kept, so that nothing jumps when it comes.
      h("a", { class: isOpen ? "button quiet" : "button quiet unseen", href: "#/reports" }, t("reports.clear"))));
}

function rows(reports, types, query) {
  if (reports.length === 0) {
    const isFiltered = Object.keys(query).length > 0;
    return empty(t(isFiltered ? "reports.none-such" : "reports.none"),
      !isFiltered && can("reports:write") && h("a", { class: "button primary", href: "#/ask" }, t("ask.title")));
  }
  const columns = [
    { label: t("reports.report") }, { label: t("reports.status") }, { label: t("reports.formats") },
    { label: t("reports.rows"), isNumber: true }, { label: t("reports.created") },
  ];
  return table(t("reports.title"), columns, reports.map((report) => [
    [link(`/reports/${report.id}`, report.title ?? titleOf(types, report.type)), h("span", { class: "hint" }, describe(report, types))],
    [badge(report.status), report.status === "GENERATING" && report.progress.percent !== null && h("span", { class: "hint" }, ` ${percent(report.progress.percent)}`)],
    report.formats.join(", "),
    number(report.rows),
    when(report.createdAt),
  ]));
}

/** What tells one report from another of its type: its filters, shortly. @param {import("./shapes.js").Report} report */
function describe(report, types) {
  const text = filtersInLine(report.filters, types.find((each) => each.type === report.type));
  return text.length > LINE ? `${text.slice(0, LINE - 1)}…` : text || report.id.slice(0, 8);
}
