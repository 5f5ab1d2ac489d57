// Error and warnings of a report.

import { h } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { detailsOf } from "./notices.js";
import { many, say, t } from "../words/words.js";

const NO_ROWS = "no-rows";

/** Creates a prominent notice that a READY report is empty. @param {import("../lib/shapes.js").Report} report */
export function noRows({ status, rows }) {
  if (status !== "READY" || rows !== 0) return null;
  return h("div", { class: "notice wait" }, h("p", { class: "strong" }, t("report.no-rows")), h("p", {}, t("warning.no-rows")));
}

/** Returns words for the reason why a report failed. @param {string} code */
export function failureWords(code) {
  const words = say("failure", code);
  return words === code ? t("failure.other") : words;
}

/** Creates notices for formats that could not be generated. @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types */
export function failedFiles(report, types) {
  return (report.failedFiles ?? []).map((failed) => h("div", { class: "notice bad" },
    h("p", { class: "strong" }, t(report.split ? "report.files-failed" : "report.file-failed", { format: failed.format }), location(failed, report, types)),
    h("p", {}, failureWords(failed.code)), detailsOf(failed.detail, failed.code)));
}

/** @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types */
export function warnings(report, types) {
  const shown = (report.warnings ?? []).filter(({ code }) => code !== NO_ROWS); // shown by noRows
  return shown.map((warning) => h("div", { class: "notice" },
    h("p", { class: "strong" }, t("report.warning"), warning.format && ` · ${warning.format}`, location(warning, report, types), files(warning)),
    h("p", {}, warningWords(warning)), detailsOf(warning.detail, warning.code)));
}

/** Returns words for a warning, or the message of the API if the console does not know its code. @param {import("../lib/shapes.js").Warning} warning */
function warningWords({ code, detail }) {
  const words = say("warning", code);
  return words === code ? detail : words;
}

/**
 * Returns the column and row of a problem.
 * @param {{column: string | null, row: number | null}} where @param {import("../lib/shapes.js").Report} report
 * @param {import("../lib/shapes.js").ReportType[]} types
 */
function location({ column, row }, report, types) {
  const heading = types.find((each) => each.type === report.type)?.columns.find((each) => each.name === column)?.heading ?? column;
  return [
    column !== null && column !== undefined && ` · ${t("report.column", { name: heading })}`,
    row !== null && row !== undefined && ` · ${t("report.row", { n: number(row) })}`,
  ];
}

/** Returns how many files of a split report a warning is about. @param {import("../lib/shapes.js").Warning} warning */
function files({ files, file }) {
  if (files === null || files === undefined) return null;
  return ` · ${many("report.files", files, number(files))} · ${t("report.first-file", { n: number(file ?? 1) })}`;
}

/** Creates the notice that the data of a report did not meet a condition. @param {NonNullable<import("../lib/shapes.js").Report["skippedReason"]>} reason */
function skipped({ code, detail }) {
  const words = say("skipped", code);
  return h("div", { class: "notice" }, h("p", { class: "strong" }, t("report.skipped")),
    h("p", {}, words === code ? detail : words), detailsOf(detail, code));
}

/** Says how many parts of a FAILED split report are missing. @param {import("../lib/shapes.js").Report} report */
function failedShards({ split }) {
  const { failed, total } = split?.shards ?? { failed: 0, total: 0 };
  return failed > 0 && h("p", {}, t("split.shards-failed", { failed: number(failed), all: number(total) }));
}

export function failure(/** @type {import("../lib/shapes.js").Report} */ report) {
  if (report.skippedReason) return skipped(report.skippedReason);
  if (report.error === null) return report.status === "EXPIRED" && h("p", { class: "notice" }, t("report.expired"));
  return h("div", { class: report.status === "FAILED" ? "notice bad" : "notice" },
    h("p", { class: "strong" }, t(report.status === "FAILED" ? "report.failed" : "report.attempt-failed")),
    h("p", {}, failureWords(report.error.code)), failedShards(report), detailsOf(report.error.detail, report.error.code));
}
