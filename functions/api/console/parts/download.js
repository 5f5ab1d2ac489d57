// Downloads of a report's files.

import { call } from "../lib/api.js";
import { announce } from "./notices.js";
import { t } from "../words/words.js";

/**
 * Requests a presigned URL and opens it. The browser saves the file and stays on the page.
 * @param {string} path of the download in the API @param {Object<string, string>} query
 */
export async function download(path, query) {
  const { data } = await call("GET", path, { query: { link: "true", ...query } });
  announce(t("report.downloading", { name: data.fileName }));
  window.location.assign(data.url);
}

/**
 * Whether the files of a report have unmasked personal columns, which only some users are allowed to download.
 * @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types
 */
export function showsPersonal(report, types) {
  const columns = types.find((each) => each.type === report.type)?.columns ?? [];
  return columns.some(({ name, personal }) =>
    personal && (report.columns ?? [name]).includes(name) && !report.maskedColumns.includes(name));
}
