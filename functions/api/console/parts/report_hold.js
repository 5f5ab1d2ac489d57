// Actions that keep or delete the files of a READY report: hold, release and delete files.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { can } from "../lib/session.js";
import { t } from "../words/words.js";
import { confirmAction, toast } from "./notices.js";

/**
 * @param {import("../lib/shapes.js").Report} report @param {string} typeTitle name of a report without a title
 * @param {() => void} follow shows the report again
 */
export function holdButtons(report, typeTitle, follow) {
  if (report.status !== "READY") return null;
  const name = report.title ?? typeTitle;
  return [
    can("holds:manage") && !report.held &&
      h("button", { type: "button", class: "quiet", onclick: () => confirmHold(report, name, follow) }, t("report.hold")),
    can("holds:manage") && report.held &&
      h("button", { type: "button", class: "quiet", onclick: () => confirmRelease(report, name, follow) }, t("report.release")),
    can("reports:delete") && !report.held &&
      h("button", { type: "button", class: "quiet danger", onclick: () => confirmDeleteFiles(report, name, follow) }, t("report.delete-files")),
  ];
}

function confirmHold(report, name, follow) {
  confirmAction({
    title: t("report.hold-title", { name }), text: t("report.hold-text"), button: t("report.hold"),
    field: { label: t("report.hold-reason"), hint: t("report.hold-reason-hint") },
    act: async (reason) => {
      await call("PUT", `reports/${report.id}/hold`, { body: { reason } });
      toast(t("report.held", { name }));
      follow();
    },
  });
}

function confirmRelease(report, name, follow) {
  confirmAction({
    title: t("report.release-title", { name }), text: t("report.release-text"), button: t("report.release"), isDanger: true,
    act: async () => { await call("DELETE", `reports/${report.id}/hold`); toast(t("report.released", { name })); follow(); },
  });
}

function confirmDeleteFiles(report, name, follow) {
  confirmAction({
    title: t("report.delete-files-title", { name }), text: t("report.delete-files-text"), button: t("report.delete-files"), isDanger: true,
    act: async () => { await call("DELETE", `reports/${report.id}/files`); toast(t("report.files-deleted", { name })); follow(); },
  });
}
