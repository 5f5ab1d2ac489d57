// Files of a split report: a table with search by key, filters and pages. It is updated while workers store files.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { field, input, select } from "../forms/fields.js";
import { announce, problemBox } from "./notices.js";
import { empty } from "./elements.js";
import { partPager } from "./pager.js";
import { filesTable } from "./split_files_table.js";
import { labelsOf } from "../words/filter_words.js";
import { many, t } from "../words/words.js";

const PAGE = 25;
const TYPING_MS = 300;
const STATUSES_WITH_FILES = ["PENDING", "GENERATING", "READY", "FAILED"];

/**
 * Creates the section, which is empty until the keys of a split report are counted.
 * @param {AbortSignal} signal
 * @returns {{element: HTMLElement, update: (report: import("../lib/shapes.js").Report, types: import("../lib/shapes.js").ReportType[]) => void}}
 */
export function splitFiles(signal) {
  const element = h("div");
  /** @type {ReturnType<typeof fileList> | null} */
  let list = null;
  return {
    element,
    update(report, types) {
      if (!report.split?.keys || !STATUSES_WITH_FILES.includes(report.status)) {
        list = null;
        put(element);
        return;
      }
      if (list === null) {
        list = fileList(report, types, signal);
        put(element, list.element);
      }
      list.update(report);
    },
  };
}

/** @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types @param {AbortSignal} signal */
function fileList(report, types, signal) {
  const path = `reports/${report.id}/files`;
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const failed = h("p", { class: "field-error", hidden: true });
  const noArchive = h("p", { class: "soft", hidden: true }, t("files.no-archive"), " ", h("code", { class: "break" }, `resma files download ${report.id} --all`));
  const problemArea = h("div");
  const filters = filterInputs(labelsOf(report.splitBy ?? [], types.find((each) => each.type === report.type)).join(", "), report.formats);
  /** Query of the page that is shown; null is the first page. @type {Object<string, string> | null} */
  let page = null;
  let loading = new AbortController();
  let shown = "";
  let progress = "";

  const load = async () => {
    loading.abort();
    loading = new AbortController();
    const query = page ?? { ...filters.read(), limit: PAGE };
    try {
      const { data } = await call("GET", path, { query, signal: AbortSignal.any([signal, loading.signal]) });
      put(problemArea);
      show(data);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      put(problemArea, problemBox(error));
      progress = ""; // the next update of the report tries again
    }
  };
  const show = ({ files, next }) => {
    const text = JSON.stringify([files, next]);
    if (text === shown) return;
    shown = text;
    const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement) ? document.activeElement.dataset.file : undefined;
    put(list, files.length > 0 ? filesTable(files, report, types, problemArea) : empty(t(filters.isSet() ? "files.no-matches" : "files.none")));
    // A file that is stored meanwhile must not take the focus away.
    if (focused) list.querySelector(`[data-file="${focused}"]`)?.focus();
    pages.update(next, files.length);
  };
  const pages = partPager((query) => { page = query; load(); }, { back: "page.back", forward: "page.forward" });
  const search = async () => {
    page = null;
    pages.reset();
    await load();
    if (list.isConnected) announce(pages.text() || t("files.no-matches"));
  };
  filters.onChange(search, signal);
  const element = h("section", { class: "card split-files" }, h("h2", {}, t("files.title")), failed, noArchive, filters.element, problemArea, list, pages.element);
  return {
    element,
    update({ split, status, zip }) {
      noArchive.hidden = zip || status !== "READY";
      failed.hidden = split.filesFailed === 0;
      failed.textContent = many("files.failed-count", split.filesFailed, number(split.filesFailed));
      const now = `${status} ${split.keysDone} ${split.filesFailed}`;
      if (now === progress) return;
      progress = now;
      load();
    },
  };
}

/** Creates the inputs that restrict the list. @param {string} key labels of the columns of the key @param {string[]} formats of the report */
function filterInputs(key, formats) {
  const all = { "": t("reports.all") };
  const inputs = {
    search: input({ type: "search", maxlength: 200, placeholder: t("files.search-hint") }),
    status: select("", { ...all, made: t("files.made"), failed: t("files.failed") }),
    ...(formats.length > 1 ? { format: select("", { ...all, ...Object.fromEntries(formats.map((each) => [each, each])) }) } : {}),
  };
  const labels = { search: key, status: t("reports.status"), format: t("reports.format") };
  const element = h("form", { class: "filters", role: "search", "aria-label": t("files.filters"), onsubmit: (event) => event.preventDefault() },
    Object.entries(inputs).map(([name, each]) => field(`/${name}`, each, { label: labels[name] }).element));
  const read = () => Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, each.value.trim()]));
  const onChange = (/** @type {() => void} */ search, /** @type {AbortSignal} */ signal) => {
    let timer = 0;
    let before = JSON.stringify(read());
    const run = () => {
      clearTimeout(timer);
      const now = JSON.stringify(read());
      if (now === before || signal.aborted) return;
      before = now;
      search();
    };
    inputs.search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(run, TYPING_MS); });
    for (const event of ["change", "submit"]) element.addEventListener(event, run);
  };
  return { element, read, onChange, isSet: () => Object.values(read()).some(Boolean) };
}
