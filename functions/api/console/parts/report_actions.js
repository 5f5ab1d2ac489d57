// What can be done with a report: fetch its files, cancel it, generate it again, delete it.

import { call, newKey } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { startFrom } from "../forms/draft.js";
import { bytes } from "../lib/format.js";
import { ask, during, tell, toast } from "./notices.js";
import { titleOf } from "./elements.js";
import { go } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../words/words.js";

const ENDED_WITHOUT = ["FAILED", "CANCELLED", "EXPIRED"];

/**
 * @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types
 * @param {() => void} follow looks at the report again
 */
export function reportActions(report, types, follow) {
  const trouble = h("div");
  const press = (act) => (event) => during(event.currentTarget, trouble, act);
  const mayWrite = can("reports:write");
  const isUnderWay = report.status === "PENDING" || report.status === "GENERATING";
  const isRefused = report.status === "READY" && !can("personal:read") && showsPersonal(report, types);
  const retryKey = newKey();
  return [
    h("div", { class: "buttons" },
      report.status === "READY" && (report.files ?? []).map((file, index) => h("button", {
        type: "button", class: index === 0 ? "primary" : null, disabled: isRefused, onclick: press(() => download(report, file)),
      }, `${t("report.download")} ${file.format}`, h("span", { class: "size" }, bytes(file.bytes)))),
      mayWrite && isUnderWay && h("button", { type: "button", class: "danger", onclick: () => askToCancel(report, follow) }, t("report.cancel")),
      mayWrite && ENDED_WITHOUT.includes(report.status) &&
        h("button", { type: "button", class: "primary", onclick: press(() => retry(report, retryKey)) }, t("report.retry")),
      mayWrite && h("button", { type: "button", class: "quiet", onclick: () => { startFrom(report); go("/ask"); } }, t("report.again")),
      can("reports:delete") && !isUnderWay &&
        h("button", { type: "button", class: "quiet danger", onclick: () => askToDelete(report, titleOf(types, report.type)) }, t("report.delete"))),
    isRefused && h("p", { class: "notice" }, t("report.no-personal")),
    trouble,
  ];
}

/** Whether its files hold personal columns as they are: those are for keys that may see them. */
function showsPersonal(report, types) {
  const columns = types.find((each) => each.type === report.type)?.columns ?? [];
  return columns.some(({ name, personal }) =>
    personal && (report.columns ?? [name]).includes(name) && !report.maskedColumns.includes(name));
}

/** Goes to an address minted at this moment; it answers with a file, so the page stays. */
async function download(report, file) {
  const { data } = await call("GET", `reports/${report.id}/download`, { query: { link: "true", format: file.format } });
  tell(t("report.downloading", { name: data.fileName }));
  window.location.assign(data.url);
}

/** @param {string} key the same for each press: a second one, or one after no answer, asks for one report */
async function retry(report, key) {
  const { data } = await call("POST", `reports/${report.id}/retry`, { headers: { "Idempotency-Key": key } });
  go(`/reports/${data.id}`);
}

function askToCancel(report, follow) {
  ask({
    title: t("report.cancel-title"), text: t("report.cancel-text"), button: t("report.cancel"), isDanger: true,
    act: async () => { await call("POST", `reports/${report.id}/cancel`); follow(); },
  });
}

/** @param {import("../lib/shapes.js").Report} report @param {string} typeTitle named where the report has no title */
function askToDelete(report, typeTitle) {
  const name = report.title ?? typeTitle;
  ask({
    title: t("report.delete-title", { name }), text: t("report.delete-text"), button: t("report.delete"), isDanger: true,
    act: async () => { await call("DELETE", `reports/${report.id}`); go("/reports"); toast(t("report.deleted", { name })); },
  });
}
