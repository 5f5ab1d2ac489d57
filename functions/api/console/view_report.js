// One report: how far it is, what it holds, and what can be done with it.

import { call, Problem } from "./api.js";
import { h, put } from "./dom.js";
import { when } from "./format.js";
import { detailsOf, problemBox, tell } from "./notices.js";
import { badge, loadTypes, titleOf, wayBack } from "./parts.js";
import { poll } from "./poll.js";
import { reportActions } from "./report_actions.js";
import { deliveriesSection } from "./report_deliveries.js";
import { factsSection, totalsSection } from "./report_facts.js";
import { progressCard } from "./report_progress.js";
import { summarySection } from "./report_summary.js";
import { say, t } from "./words.js";
import { isUnderWay } from "./view_reports.js";

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showReport(main, { parameters: [id], signal }) {
  const heading = h("h1", {}, t("report.title"));
  const parts = { state: h("div", { class: "state" }), trouble: h("div"), progress: progressCard(),
    actions: h("div"), body: h("div", { class: "stack" }), summary: h("div"), deliveries: h("div") };
  put(main, wayBack("/reports", t("reports.title")), heading, parts.state, parts.trouble,
    parts.progress.element, parts.actions, h("div", { class: "stack" }, parts.summary, parts.body, parts.deliveries));
  const types = await loadTypes();
  let before = { status: "", text: "", hasSummary: false };

  const update = async () => {
    const { data: report, retryAfter } = await call("GET", `reports/${encodeURIComponent(id)}`, { signal });
    const text = JSON.stringify(report);
    const changed = text !== before.text;
    heading.textContent = report.title ?? titleOf(types, report.type);
    parts.progress.update(report);
    if (report.status !== before.status) showStatus(report, before.status);
    const hasSummary = report.progress.rowsExpected !== null && report.status !== "EXPIRED";
    if (hasSummary && !before.hasSummary) showSummary(report);
    before = { status: report.status, text, hasSummary: hasSummary || before.hasSummary };
    return { again: isUnderWay(report), changed, retryAfter };
  };
  const showStatus = (report, earlier) => {
    put(parts.state, badge(report.status), h("span", { class: "soft" }, t("report.asked"), " ", when(report.createdAt)));
    if (earlier) tell(`${heading.textContent}: ${say("status", report.status)}`);
    const wasHere = parts.actions.contains(document.activeElement);
    put(parts.actions, reportActions(report, types, follow));
    if (wasHere) (/** @type {HTMLElement | null} */ (parts.actions.querySelector("button")) ?? heading).focus();
    put(parts.trouble, failure(report));
    if (report.totals !== null) parts.summary.querySelector(".early")?.remove();
    put(parts.body, totalsSection(report), factsSection(report, types));
    if (!isUnderWay(report)) showDeliveries();
  };
  const showSummary = async (report) => {
    const section = await orNothing(summarySection(report, signal));
    if (section !== null) put(parts.summary, section);
  };
  const showDeliveries = () => put(parts.deliveries, deliveriesSection(id, signal));
  const follow = () => poll(update, signal, (problem) => put(parts.trouble, problem && problemBox(problem)));
  await follow();
}

/** What the page can do without: its problem is not the report's. */
async function orNothing(section) {
  try {
    return await section;
  } catch (error) {
    if (error instanceof Problem || (error instanceof DOMException && error.name === "AbortError")) return null;
    throw error;
  }
}

/** Why a report failed, for whoever asked for it. @param {string} code */
export function failureWords(code) {
  const words = say("failure", code);
  return words === code ? t("failure.other") : words;
}

function failure(/** @type {import("./shapes.js").Report} */ report) {
  if (report.error === null) return report.status === "EXPIRED" && h("p", { class: "notice" }, t("report.expired"));
  return h("div", { class: report.status === "FAILED" ? "notice bad" : "notice" },
    h("p", { class: "strong" }, t(report.status === "FAILED" ? "report.failed" : "report.attempt-failed")),
    h("p", {}, failureWords(report.error.code)), detailsOf(report.error.detail, report.error.code));
}
