// View: one report with its progress, content and actions.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { percent, when } from "../lib/format.js";
import { problemBox, announce } from "../parts/notices.js";
import { badge, loadTypes, titleOf, wayBack } from "../parts/elements.js";
import { poll } from "../lib/poll.js";
import { accessSection } from "../parts/report_access.js";
import { reportActions } from "../parts/report_actions.js";
import { deliveriesSection } from "../parts/report_deliveries.js";
import { fileDeliveriesSection } from "../parts/report_file_deliveries.js";
import { notifier } from "../parts/report_notify.js";
import { controlSection, factsSection, totalsSection } from "../parts/report_facts.js";
import { failedFiles, failure, noRows, warnings } from "../parts/report_notices.js";
import { progressCard } from "../parts/report_progress.js";
import { splitFiles } from "../parts/split_files.js";
import { summarySection } from "../parts/report_summary.js";
import { nameTab } from "../lib/router.js";
import { say, t } from "../words/words.js";
import { isUnderWay } from "./reports.js";
import { ownZone } from "../lib/zones.js";

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showReport(main, { parameters: [id], signal }) {
  const heading = h("h1", { dir: "auto" }, t("report.title"));
  const loading = h("p", { class: "soft" }, t("page.loading"));
  const parts = { state: h("div", { class: "state" }), problemArea: h("div"), progress: progressCard(),
    actions: h("div"), files: splitFiles(signal), body: h("div", { class: "stack" }), summary: h("div"), deliveries: h("div"), access: h("div") };
  put(main, wayBack("/reports", t("reports.title")), heading, loading, parts.state, parts.problemArea,
    parts.progress.element, parts.actions, h("div", { class: "stack" }, parts.files.element, parts.summary, parts.body, parts.deliveries, parts.access));
  const types = await loadTypes();
  const notifications = notifier();
  parts.progress.element.append(notifications.element);
  let before = { status: "", text: "", hasSummary: false };

  const update = async () => {
    const { data: report, retryAfter } = await call("GET", `reports/${encodeURIComponent(id)}`, { signal });
    const text = JSON.stringify(report);
    const changed = text !== before.text;
    loading.remove();
    heading.textContent = report.title ?? titleOf(types, report.type);
    nameTab(tabStatus(report), heading.textContent ?? "");
    parts.progress.update(report);
    if (report.status !== before.status) showStatus(report, before.status);
    parts.files.update(report, types);
    const hasSummary = report.progress.rowsExpected !== null && report.status !== "EXPIRED";
    if (hasSummary && !before.hasSummary) showSummary(report);
    before = { status: report.status, text, hasSummary: hasSummary || before.hasSummary };
    return { again: isUnderWay(report), changed, retryAfter };
  };
  const showStatus = (report, earlier) => {
    put(parts.state, badge(report.status), h("span", { class: "soft" }, t("report.created"), " ", when(report.createdAt), ` · ${ownZone()}`));
    notifications.update(isUnderWay(report));
    if (earlier && !isUnderWay(report)) notifications.notify(heading.textContent ?? "", say("status", report.status));
    if (earlier) announce(`${heading.textContent}: ${say("status", report.status)}`);
    const hadFocus = parts.actions.contains(document.activeElement);
    put(parts.actions, reportActions(report, types, follow));
    if (hadFocus) (/** @type {HTMLElement | null} */ (parts.actions.querySelector("button")) ?? heading).focus();
    put(parts.problemArea, failure(report), noRows(report), failedFiles(report, types), warnings(report, types));
    if (report.totals !== null) parts.summary.querySelector(".early")?.remove();
    put(parts.body, totalsSection(report, types), controlSection(report, types), factsSection(report, types));
    if (!isUnderWay(report)) showDeliveries();
    put(parts.access, accessSection(id, signal));
  };
  const showSummary = async (report) => {
    const section = await ignoreProblem(summarySection(report, types, signal));
    if (section !== null) put(parts.summary, section);
  };
  const showDeliveries = () => put(parts.deliveries, fileDeliveriesSection(id, signal), deliveriesSection(id, signal));
  const follow = () => poll(update, signal, (problem) => { loading.remove(); put(parts.problemArea, problem && problemBox(problem)); });
  await follow();
}

/** Returns the progress or the status of a report for the title of the tab. @param {import("../lib/shapes.js").Report} report */
function tabStatus({ status, progress }) {
  return status === "GENERATING" && progress.percent !== null ? percent(progress.percent) : say("status", status);
}

/** Returns null for a section that could not be loaded, because the view also works without it. */
async function ignoreProblem(section) {
  try {
    return await section;
  } catch (error) {
    if (error instanceof Problem || (error instanceof DOMException && error.name === "AbortError")) return null;
    throw error;
  }
}
