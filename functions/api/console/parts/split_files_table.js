// Table of files of a split report, with the download of each.

import { h } from "../lib/dom.js";
import { amount, bytes, number } from "../lib/format.js";
import { copyButton, detailsOf, runAction } from "./notices.js";
import { badge, table } from "./elements.js";
import { download, showsPersonal } from "./download.js";
import { failureWords } from "./report_notices.js";
import { can } from "../lib/session.js";
import { labelsOf } from "../words/filter_words.js";
import { t } from "../words/words.js";

/**
 * @param {import("../lib/shapes.js").SplitFile[]} files @param {import("../lib/shapes.js").Report} report
 * @param {import("../lib/shapes.js").ReportType[]} types
 * @param {Element} problemArea element for the problem of a download
 */
export function filesTable(files, report, types, problemArea) {
  const type = types.find((each) => each.type === report.type);
  const names = report.splitBy ?? [];
  const isRefused = !can("personal:read") && showsPersonal(report, types);
  const hasFormats = report.formats.length > 1;
  const hasPages = report.formats.includes("PDF");
  const columns = [
    ...labelsOf(names, type).map((label) => ({ label })),
    ...(hasFormats ? [{ label: t("reports.format"), isPlain: true }] : []),
    { label: t("reports.rows"), isNumber: true },
    ...(hasPages ? [{ label: t("files.pages"), isNumber: true }] : []),
    { label: t("files.size"), isNumber: true },
    { label: t("files.file"), isPlain: true },
  ];
  return table(t("files.title"), columns, files.map((file) => {
    const [first, ...others] = names.map((name) => cell(file.key[name]));
    return [
      [first, fileDetails(file)], ...others,
      ...(hasFormats ? [file.format] : []),
      number(file.rows),
      ...(hasPages ? [number(file.pages)] : []),
      bytes(file.bytes),
      file.error ? failedFile(file.error) : downloadButton(file, report, problemArea, isRefused),
    ];
  }));
}

/** Shows the value of a split column; null is NULL. @param {string | null} value */
function cell(value) {
  return value === null ? h("em", {}, t("files.null")) : h("bdi", { class: "break" }, value);
}

/** Shows the name of a file, which expands to its totals and SHA-256. @param {import("../lib/shapes.js").SplitFile} file */
function fileDetails({ name, sha256, totals, snapshot }) {
  const shown = h("bdi", { class: "break" }, name);
  if (sha256 === null) return h("span", { class: "hint" }, shown);
  const sums = totals.flatMap(({ currency, amounts }) => Object.values(amounts).map((value) => [currency, amount(value)].filter(Boolean).join(" ")));
  return h("details", { class: "file-details" }, h("summary", {}, shown),
    sums.length > 0 && h("p", {}, t("totals.title"), ": ", sums.join(" · ")),
    snapshot > 1 && h("p", {}, t("files.snapshot", { n: number(snapshot) })),
    h("p", {}, "SHA-256 ", h("code", { class: "hash" }, sha256), " ", copyButton(sha256, t("facts.copy-hash", { format: name }))));
}

function failedFile({ code, detail }) {
  return [badge("FAILED"), h("p", { class: "hint" }, failureWords(code)), detailsOf(detail, code)];
}

function downloadButton(file, report, problemArea, isRefused) {
  const press = (/** @type {Event} */ event) => runAction(event.currentTarget, problemArea, () =>
    download(`reports/${report.id}/files/${file.number}/download`, { format: file.format }));
  return h("button", {
    type: "button", class: "small", disabled: isRefused, onclick: press, "data-file": `${file.number}-${file.format}`,
    "aria-label": `${t("report.download")}: ${file.name}`,
  }, t("report.download"));
}
