// View: schedules of the tenant.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { filtersInLine } from "../words/filter_words.js";
import { when } from "../lib/format.js";
import { detailsOf } from "../parts/notices.js";
import { pager } from "../parts/pager.js";
import { badge, empty, link, loadTypes, named, table, titleOf } from "../parts/elements.js";
import { whenInWords } from "../forms/schedule_when.js";
import { t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showSchedules(main, { query, signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  put(main, h("div", { class: "spread" }, h("h1", {}, t("schedules.title")),
    h("a", { class: "button primary", href: "#/schedules/new" }, t("schedules.new"))), list);
  const types = await loadTypes();
  const pages = pager("/schedules", query);
  const { data } = await call("GET", "schedules", { query: { cursor: pages.cursor }, signal });
  put(list, data.items.length > 0 ? [schedules(data.items, types), zoneHint()] : empty(t("schedules.none")));
  pages.update(data.next, data.items.length);
  main.append(pages.element);
}

function schedules(items, types) {
  const columns = [
    { label: t("schedules.name") }, { label: t("reports.status") }, { label: t("schedules.when") },
    { label: t("schedules.next") }, { label: t("schedules.last") },
  ];
  return table(t("schedules.title"), columns, items.map((/** @type {import("../lib/shapes.js").Schedule} */ schedule) => [
    [link(`/schedules/${schedule.id}`, named(schedule.name)), h("span", { class: "hint" }, titleOf(types, schedule.request.type)), filtersHint(schedule, types)],
    [badge(schedule.status), schedule.status === "BLOCKED" && detailsOf(schedule.statusDetail ?? "")],
    describeWhen(schedule),
    when(schedule.nextRunAt),
    schedule.lastRun ? [badge(schedule.lastRun.outcome), h("span", { class: "hint" }, when(schedule.lastRun.scheduledFor))] : "–",
  ]));
}

function filtersHint({ request }, types) {
  const text = filtersInLine(request.filters ?? {}, types.find((each) => each.type === request.type));
  return text !== "" && h("span", { class: "hint" }, text);
}

/** Describes when a schedule runs. @param {import("../lib/shapes.js").Schedule} schedule */
export function describeWhen(schedule) {
  const words = whenInWords(schedule.when, schedule.at);
  return [words ?? h("code", {}, schedule.when), h("span", { class: "hint" }, schedule.timeZone)];
}
