// Actions on a report: download, cancel, retry, duplicate, hold and delete.

import { call, newKey } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { startFrom } from "../forms/draft.js";
import { bytes } from "../lib/format.js";
import { download, showsPersonal } from "./download.js";
import { confirmAction, runAction, toast } from "./notices.js";
import { titleOf } from "./elements.js";
import { canRetryFiles, retryFilesButton, splitDownloads } from "./split_actions.js";
import { holdButtons } from "./report_hold.js";
import { go } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../words/words.js";

const ENDED_WITHOUT = ["FAILED", "CANCELLED", "EXPIRED", "SKIPPED"];

/**
 * @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types
 * @param {() => void} follow polls the report again
 */
export function reportActions(report, types, follow) {
  const problemArea = h("div");
  const press = (act) => (event) => runAction(event.currentTarget, problemArea, act);
  const mayWrite = can("reports:write");
  const isUnderWay = report.status === "PENDING" || report.status === "GENERATING";
  const isRefused = (report.status === "READY" || hasSplitFiles(report)) && !can("personal:read") && showsPersonal(report, types);
  const retryKey = newKey();
  return [
    h("div", { class: "buttons" },
      report.status === "READY" && (report.files ?? []).map((file, index) => h("button", {
        type: "button", class: index === 0 ? "primary" : null, disabled: isRefused, onclick: press(() => download(`reports/${report.id}/download`, { format: file.format })),
      }, `${t("report.download")} ${file.format}`, h("span", { class: "size" }, bytes(file.bytes)))),
      splitDownloads(report, press, isRefused),
      retryFilesButton(report, press, follow),
      mayWrite && isUnderWay && h("button", { type: "button", class: "danger", onclick: () => confirmCancel(report, follow) }, t("report.cancel")),
      mayWrite && ENDED_WITHOUT.includes(report.status) &&
        h("button", { type: "button", class: canRetryFiles(report) ? null : "primary", onclick: press(() => retry(report, retryKey)) },
          t(report.status === "SKIPPED" ? "report.generate-anyway" : "report.retry")),
      mayWrite && h("button", { type: "button", class: "quiet", onclick: () => { startFrom({ ...report, encryptFor: report.encryptForRequested }); go("/reports/new"); } }, t("report.again")),
      holdButtons(report, titleOf(types, report.type), follow),
      can("reports:delete") && !isUnderWay && !report.held &&
        h("button", { type: "button", class: "quiet danger", onclick: () => confirmDelete(report, titleOf(types, report.type)) }, t("report.delete"))),
    isRefused && h("p", { class: "notice" }, t("report.no-personal")),
    problemArea,
  ];
}

/** Whether files of a split report can be downloaded although it is not READY. */
function hasSplitFiles({ status, split }) {
  return split !== null && split.keysDone > 0 && ["PENDING", "GENERATING", "FAILED"].includes(status);
}

/** @param {string} key Idempotency-Key: a second press, or one after a lost response, does not create a second report */
async function retry(report, key) {
  const { data } = await call("POST", `reports/${report.id}/retry`, { headers: { "Idempotency-Key": key } });
  go(`/reports/${data.id}`);
}

function confirmCancel(report, follow) {
  confirmAction({
    title: t("report.cancel-title"), text: t("report.cancel-text"), button: t("report.cancel"), isDanger: true,
    act: async () => { await call("POST", `reports/${report.id}/cancel`); follow(); },
  });
}

/** @param {import("../lib/shapes.js").Report} report @param {string} typeTitle name of a report without a title */
function confirmDelete(report, typeTitle) {
  const name = report.title ?? typeTitle;
  confirmAction({
    title: t("report.delete-title", { name }), text: t("report.delete-text"), button: t("report.delete"), isDanger: true,
    act: async () => { await call("DELETE", `reports/${report.id}`); go("/reports"); toast(t("report.deleted", { name })); },
  });
}
