// One schedule: what it will do, what it did, and pausing or ending it.

import { call } from "./api.js";
import { h, put } from "./dom.js";
import { describeFilters } from "./filter_texts.js";
import { country, when } from "./format.js";
import { ask, detailsOf, during, problemBox, toast } from "./notices.js";
import { badge, empty, fact, link, loadTypes, pager, table, titleOf, wayBack } from "./parts.js";
import { go } from "./router.js";
import { previewTable } from "./schedule_preview.js";
import { describeWhen } from "./view_schedules.js";
import { say, t } from "./words.js";

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showSchedule(main, { parameters: [id], signal }) {
  const path = `schedules/${encodeURIComponent(id)}`;
  const heading = h("h1", {}, t("schedule.title"));
  const about = h("div", { class: "stack" });
  const next = h("section", { class: "card" });
  const runs = h("section", { class: "card" });
  put(main, wayBack("/schedules", t("schedules.title")), heading, h("div", { class: "stack" }, about, next, runs));
  const types = await loadTypes();
  const refresh = async () => {
    const { data } = await call("GET", path, { signal });
    heading.textContent = data.name;
    put(about, describe(data, types), actions(data, path, refresh));
    if (data.status === "ACTIVE") {
      const preview = await call("GET", `${path}/preview`, { query: { count: 10 }, signal });
      put(next, h("h2", {}, t("preview.title")), previewTable(preview.data.runs, data.timeZone));
    }
    next.hidden = data.status !== "ACTIVE";
    return data;
  };
  const { request } = await refresh();
  await showRuns(runs, path, request.title ?? titleOf(types, request.type), signal);
}

function describe(/** @type {import("./shapes.js").Schedule} */ schedule, types) {
  return h("section", { class: "card" },
    schedule.statusDetail && h("div", { class: schedule.status === "BLOCKED" ? "notice bad" : "notice" },
      h("p", {}, say("schedule-status", schedule.status)), detailsOf(schedule.statusDetail)),
    h("dl", { class: "facts wide" },
      fact(t("reports.status"), badge(schedule.status)),
      fact(t("facts.type"), `${titleOf(types, schedule.request.type)} · ${(schedule.request.formats ?? [schedule.request.format]).join(", ")}`),
      describeFilters(schedule.request.filters ?? {}, types.find((each) => each.type === schedule.request.type)).map(([label, text]) => fact(label, text)),
      fact(t("schedules.when"), describeWhen(schedule)),
      fact(t("schedules.next"), when(schedule.nextRunAt, schedule.timeZone), schedule.nextRunAt && h("span", { class: "soft" }, ` · ${schedule.timeZone}`)),
      schedule.period && fact(t("schedules.period"), say("period", schedule.period)),
      schedule.calendar && fact(t("schedules.calendar"), country(schedule.calendar)),
      fact(t("schedules.missed"), say("missed", schedule.missed)),
      schedule.endsAt && fact(t("schedules.ends"), when(schedule.endsAt)),
      fact(t("schedules.owner"), schedule.ownerName && `${schedule.ownerName} `, h("code", { class: schedule.ownerName ? "soft" : null }, schedule.owner)),
      schedule.ownerExpiresAt && fact(t("schedules.owner-ends"), when(schedule.ownerExpiresAt), h("span", { class: "hint" }, t("schedules.owner-ends-hint")))));
}

function actions(schedule, path, refresh) {
  const trouble = h("div");
  const pause = async () => {
    await call("PATCH", path, { body: { paused: !schedule.paused } });
    await refresh();
    toast(t(schedule.paused ? "schedules.resumed" : "schedules.paused"));
  };
  const remove = () => ask({
    title: t("schedules.delete"), text: t("schedules.delete-text", { name: schedule.name }), button: t("schedules.delete"), isDanger: true,
    act: async () => { await call("DELETE", path); go("/schedules"); },
  });
  return h("div", {}, h("div", { class: "buttons" },
    h("a", { class: "button", href: `#/schedules/${schedule.id}/edit` }, t("schedules.edit")),
    schedule.status !== "ENDED" && h("button", { type: "button", onclick: (event) => during(event.currentTarget, trouble, pause) },
      t(schedule.paused ? "schedules.resume" : "schedules.pause")),
    h("button", { type: "button", class: "danger", onclick: remove }, t("schedules.delete"))), trouble);
}

async function showRuns(place, path, name, signal) {
  const list = h("div");
  const show = async (page) => {
    const { data } = await call("GET", `${path}/runs`, { query: { ...page }, signal });
    put(list, data.items.length > 0 ? history(data.items, name) : empty(t("runs.none")));
    pages.update(data.next);
  };
  const pages = pager((page) => show(page).catch((problem) => put(list, problemBox(problem))));
  put(place, h("h2", {}, t("runs.title")), list, pages.element);
  await show(null);
}

function history(items, name) {
  const columns = [{ label: t("runs.for") }, { label: t("runs.outcome") }, { label: t("runs.started") }, { label: t("reports.report") }];
  return table(t("runs.title"), columns, items.map((/** @type {import("./shapes.js").ScheduleRun} */ run) => [
    when(run.scheduledFor),
    [badge(run.outcome), run.detail && detailsOf(run.detail)],
    when(run.startedAt),
    run.reportId ? link(`/reports/${run.reportId}`, name) : "–",
  ]));
}
