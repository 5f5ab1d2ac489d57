// View: one schedule with its next runs, run history and actions.

import { call, newKey } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { describeConditions } from "../words/condition_words.js";
import { describeFilters, labelsOf } from "../words/filter_words.js";
import { country, when } from "../lib/format.js";
import { confirmAction, detailsOf, runAction, toast } from "../parts/notices.js";
import { badge, fact, loadTypes, titleOf, wayBack } from "../parts/elements.js";
import { requester } from "../parts/requester.js";
import { go, nameTab } from "../lib/router.js";
import { previewTable } from "../parts/schedule_preview.js";
import { openBackfill, showRuns } from "../parts/schedule_runs.js";
import { can } from "../lib/session.js";
import { describeWhen } from "./schedules.js";
import { say, t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showSchedule(main, { parameters: [id], signal }) {
  const path = `schedules/${encodeURIComponent(id)}`;
  const heading = h("h1", { dir: "auto" }, t("schedule.title"));
  const zone = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const about = h("div", { class: "stack" });
  const next = h("section", { class: "card" });
  const runs = h("section", { class: "card" });
  put(main, wayBack("/schedules", t("schedules.title")), heading, zone, h("div", { class: "stack" }, about, next, runs));
  const types = await loadTypes();
  const refresh = async () => {
    const { data } = await call("GET", path, { signal });
    heading.textContent = data.name;
    nameTab(data.name, say("status", data.status));
    put(zone, zoneHint(data.timeZone));
    put(about, describe(data, types), actions(data, path, refresh, showHistory));
    if (data.status === "ACTIVE") {
      const preview = await call("GET", `${path}/preview`, { query: { count: 10 }, signal });
      put(next, h("h2", {}, t("preview.title")), previewTable(preview.data.runs, data.timeZone));
    }
    next.hidden = data.status !== "ACTIVE";
    return data;
  };
  const showHistory = ({ request, timeZone }) => showRuns(runs, path, { name: request.title ?? titleOf(types, request.type), zone: timeZone }, signal);
  await showHistory(await refresh());
}

function describe(/** @type {import("../lib/shapes.js").Schedule} */ schedule, types) {
  return h("section", { class: "card" },
    schedule.statusDetail && h("div", { class: schedule.status === "BLOCKED" ? "notice bad" : "notice" },
      h("p", {}, say("schedule-status", schedule.status)), detailsOf(schedule.statusDetail)),
    h("dl", { class: "facts wide" },
      fact(t("reports.status"), badge(schedule.status)),
      fact(t("facts.type"), `${titleOf(types, schedule.request.type)} · ${(schedule.request.formats ?? [schedule.request.format]).join(", ")}`),
      describeFilters(schedule.request.filters ?? {}, types.find((each) => each.type === schedule.request.type)).map(([label, text]) => fact(label, text)),
      schedule.request.splitBy && fact(t("facts.split-by"), labelsOf(schedule.request.splitBy, types.find((each) => each.type === schedule.request.type)).join(", ")),
      schedule.request.zip && fact(t("split.zip"), t("form.yes")),
      schedule.request.onlyIf && fact(t("facts.conditions"), describeConditions(schedule.request.onlyIf).join(" · ")),
      schedule.pdfEncrypted && fact(t("facts.pdf-password"), t("facts.pdf-encrypted")),
      fact(t("schedules.when"), describeWhen(schedule)),
      fact(t("schedules.next"), when(schedule.nextRunAt, schedule.timeZone)),
      schedule.period && fact(t("schedules.period"), say("period", schedule.period)),
      schedule.weekStartsOn && fact(t("schedules.week-starts-on"), say("week", schedule.weekStartsOn)),
      schedule.calendar && fact(t("schedules.calendar"), country(schedule.calendar)),
      fact(t("schedules.misfire-policy"), say("misfire-policy", schedule.misfirePolicy)),
      schedule.endsAt && fact(t("schedules.ends"), when(schedule.endsAt, schedule.timeZone)),
      fact(t("schedules.owner"), requester(schedule.owner, schedule.ownerName)),
      schedule.ownerExpiresAt && fact(t("schedules.owner-ends"), when(schedule.ownerExpiresAt, schedule.timeZone), h("span", { class: "hint" }, t("schedules.owner-ends-hint")))));
}

function actions(schedule, path, refresh, showHistory) {
  const problemArea = h("div");
  const pause = async () => {
    await call("PATCH", path, { body: { paused: !schedule.paused } });
    await refresh();
    toast(t(schedule.paused ? "schedules.resumed" : "schedules.paused"));
  };
  const runKey = newKey();
  const run = () => confirmAction({
    title: t("schedules.run-title", { name: schedule.name }), text: t("schedules.run-text"), button: t("schedules.run"),
    act: async () => {
      const { data } = await call("POST", `${path}/run`, { headers: { "Idempotency-Key": runKey } });
      go(`/reports/${data.id}`);
      toast(t("schedules.run-started"));
    },
  });
  const backfill = () => openBackfill(path, schedule.timeZone, async () => showHistory(await refresh()));
  const remove = () => confirmAction({
    title: t("schedules.delete-title", { name: schedule.name }), text: t("schedules.delete-text", { name: schedule.name }), button: t("schedules.delete"), isDanger: true,
    act: async () => { await call("DELETE", path); go("/schedules"); },
  });
  return h("div", {}, h("div", { class: "buttons" },
    h("a", { class: "button", href: `#/schedules/${schedule.id}/edit` }, t("schedules.edit")),
    can("reports:write") && h("button", { type: "button", onclick: run }, t("schedules.run")),
    can("reports:write") && h("button", { type: "button", onclick: backfill }, t("schedules.backfill")),
    schedule.status !== "ENDED" && h("button", { type: "button", onclick: (event) => runAction(event.currentTarget, problemArea, pause) },
      t(schedule.paused ? "schedules.resume" : "schedules.pause")),
    h("button", { type: "button", class: "danger", onclick: remove }, t("schedules.delete"))), problemArea);
}
