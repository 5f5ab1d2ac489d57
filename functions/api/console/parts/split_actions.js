// Actions on a split report: download its archive, manifest and list of files, and retry its failed files.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { download } from "./download.js";
import { can } from "../lib/session.js";
import { t } from "../words/words.js";

const OBJECTS = ["zip", "manifest", "list"];
const LABELS = { zip: "split.zip", manifest: "split.manifest", list: "split.list" };
const BUTTONS = { zip: "split.download-zip", manifest: "split.download-manifest", list: "split.download-list" };

/** Returns the objects of a READY split report that are not files of one key. @param {import("../lib/shapes.js").Report} report */
export function splitObjects({ split }) {
  return OBJECTS.filter((name) => split?.[name]).map((name) => ({ name, label: t(LABELS[name]), ...split[name] }));
}

/**
 * Creates the buttons that download the objects of a split report.
 * @param {import("../lib/shapes.js").Report} report
 * @param {(act: () => Promise<void>) => EventListener} press
 * @param {boolean} isRefused whether the user may not download them
 */
export function splitDownloads(report, press, isRefused) {
  return splitObjects(report).map((object, index) => h("button", {
    type: "button", class: index === 0 ? "primary" : null, disabled: isRefused,
    onclick: press(() => download(`reports/${report.id}/download`, { file: object.name })),
  }, t(BUTTONS[object.name]), h("span", { class: "size" }, bytes(object.bytes))));
}

/**
 * Creates the button that continues a FAILED split report with its missing files.
 * @param {import("../lib/shapes.js").Report} report
 * @param {(act: () => Promise<void>) => EventListener} press
 * @param {() => void} follow polls the report again
 */
export function retryFilesButton(report, press, follow) {
  if (!canRetryFiles(report)) return null;
  const act = async () => { await call("POST", `reports/${report.id}/files/retry`); follow(); };
  return h("button", { type: "button", class: "primary", onclick: press(act) }, t("split.retry-files"));
}

/** Whether a report failed after its keys were counted, so that its stored files can be kept. */
export function canRetryFiles(/** @type {import("../lib/shapes.js").Report} */ { status, split }) {
  return can("reports:write") && status === "FAILED" && (split?.shards.total ?? 0) > 0;
}
