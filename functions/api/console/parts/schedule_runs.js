// Run history of a schedule, and the dialog that starts runs of past days.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { days, number, when } from "../lib/format.js";
import { field, input, showErrors } from "../forms/fields.js";
import { detailsOf, openDialog, problemBox, runAction, toast } from "./notices.js";
import { badge, empty, link, named, table } from "./elements.js";
import { partPager } from "./pager.js";
import { requester } from "./requester.js";
import { many, say, t } from "../words/words.js";

/**
 * Shows the run history of a schedule.
 * @param {HTMLElement} section @param {string} path path of the schedule in the API
 * @param {{name: string, zone: string}} about name of the reports, and time zone of the schedule
 * @param {AbortSignal} signal
 */
export async function showRuns(section, path, about, signal) {
  const list = h("div");
  const show = async (page) => {
    const { data } = await call("GET", `${path}/runs`, { query: { ...page }, signal });
    put(list, data.items.length > 0 ? history(data.items, about) : empty(t("runs.none")));
    pages.update(data.next);
  };
  const pages = partPager((page) => show(page).then(() => section.scrollIntoView()).catch((problem) => put(list, problemBox(problem))));
  put(section, h("h2", {}, t("runs.title")), list, pages.element);
  await show(null);
}

function history(items, { name, zone }) {
  const columns = [{ label: t("runs.for") }, { label: t("runs.outcome") }, { label: t("runs.started") }, { label: t("reports.report") }];
  return table(t("runs.title"), columns, items.map((/** @type {import("../lib/shapes.js").ScheduleRun} */ run) => [
    when(run.scheduledFor, zone),
    [badge(run.outcome), run.detail && detailsOf(run.detail)],
    [when(run.startedAt, zone), run.startedBy && h("span", { class: "hint" }, say("trigger", run.trigger), " · ", requester(run.startedBy, run.startedByName))],
    run.reportId ? link(`/reports/${run.reportId}`, named(name)) : "–",
  ]));
}

/**
 * Opens the dialog that starts runs of past days. It shows the runs before it starts them.
 * @param {string} path path of the schedule in the API @param {string} zone time zone of the schedule
 * @param {() => Promise<void>} done is called after runs were started
 */
export function openBackfill(path, zone, done) {
  const inputs = [input({ type: "date", required: true }), input({ type: "date", required: true })];
  const fields = [
    field("/from", inputs[0], { label: t("backfill.from"), isRequired: true }),
    field("/to", inputs[1], { label: t("backfill.to"), hint: t("backfill.hint", { zone }), isRequired: true }),
  ];
  const found = h("div", { role: "status" });
  const problemArea = h("div");
  const send = async (/** @type {boolean} */ dryRun) => {
    showErrors(fields, []);
    try {
      const body = { from: inputs[0].value, to: inputs[1].value, dryRun };
      return (await call("POST", `${path}/backfill`, { body })).data;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const remaining = showErrors(fields, error.fieldErrors);
      if (remaining.length > 0 || error.fieldErrors.length === 0) put(problemArea, problemBox(error, remaining));
      return null;
    }
  };
  openDialog(t("backfill.title"), (close) => {
    const start = h("button", { type: "button", class: "primary", disabled: true }, t("backfill.start"));
    const clear = () => { put(found); start.toggleAttribute("disabled", true); };
    const preview = async () => {
      const backfill = await send(true);
      if (backfill === null) return;
      put(found, describe(backfill.runs, zone));
      start.toggleAttribute("disabled", !backfill.runs.some(({ outcome }) => outcome === "NOT_STARTED"));
    };
    const run = async () => {
      const backfill = await send(false);
      if (backfill === null) return;
      await done();
      if (backfill.stopped === null) close();
      else put(found, stopped(backfill.stopped), describe(backfill.runs, zone));
      toast(many("backfill.started", backfill.started, number(backfill.started)));
    };
    start.addEventListener("click", (event) => runAction(event.currentTarget, problemArea, run));
    for (const each of inputs) each.addEventListener("input", clear);
    const submit = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); runAction(event.submitter, problemArea, preview); };
    return [h("form", { onsubmit: submit, novalidate: true },
      h("p", {}, t("backfill.text")), h("div", { class: "fields" }, fields.map(({ element }) => element)), found, problemArea,
      h("div", { class: "buttons" },
        h("button", { type: "submit" }, t("backfill.preview")), start,
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}

function describe(/** @type {import("../lib/shapes.js").BackfilledRun[]} */ runs, zone) {
  if (runs.length === 0) return h("p", { class: "notice" }, t("backfill.none"));
  const columns = [{ label: t("runs.for") }, { label: t("schedules.period") }, { label: t("runs.outcome") }];
  return table(t("backfill.title"), columns, runs.map(({ scheduledFor, from, to, outcome }) => [
    when(scheduledFor, zone), from && to ? days(from, to) : "–", say("backfill-outcome", outcome)]), true);
}

function stopped({ code, detail, retryAfterSeconds }) {
  return h("div", { class: "notice bad" }, h("p", { class: "strong" }, say("problem", code)),
    h("p", {}, t("error.retry-after", { seconds: retryAfterSeconds })), detailsOf(detail, code));
}
