// The tenant's schedules.

import { call } from "./api.js";
import { h, put } from "./dom.js";
import { filtersInLine } from "./filter_texts.js";
import { when } from "./format.js";
import { detailsOf, problemBox } from "./notices.js";
import { badge, empty, link, loadTypes, pager, table, titleOf } from "./parts.js";
import { say, t } from "./words.js";

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showSchedules(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  put(main, h("div", { class: "spread" }, h("h1", {}, t("schedules.title")),
    h("a", { class: "button primary", href: "#/schedules/new" }, t("schedules.new"))), list);
  const types = await loadTypes();
  const show = async (page) => {
    const { data } = await call("GET", "schedules", { query: { ...page }, signal });
    put(list, data.items.length > 0 ? schedules(data.items, types) : empty(t("schedules.none")));
    pages.update(data.next);
  };
  const pages = pager((page) => show(page).catch((problem) => put(list, problemBox(problem))));
  main.append(pages.element);
  await show(null);
}

function schedules(items, types) {
  const columns = [
    { label: t("schedules.name") }, { label: t("reports.status") }, { label: t("schedules.when") },
    { label: t("schedules.next") }, { label: t("schedules.last") },
  ];
  return table(t("schedules.title"), columns, items.map((/** @type {import("./shapes.js").Schedule} */ schedule) => [
    [link(`/schedules/${schedule.id}`, schedule.name), h("span", { class: "hint" }, titleOf(types, schedule.request.type)), filtersHint(schedule, types)],
    [badge(schedule.status), schedule.status === "BLOCKED" && detailsOf(schedule.statusDetail ?? "")],
    describeWhen(schedule),
    when(schedule.nextRunAt, schedule.timeZone),
    schedule.lastRun ? [badge(schedule.lastRun.outcome), h("span", { class: "hint" }, when(schedule.lastRun.scheduledFor))] : "–",
  ]));
}

function filtersHint({ request }, types) {
  const text = filtersInLine(request.filters ?? {}, types.find((each) => each.type === request.type));
  return text !== "" && h("span", { class: "hint" }, text);
}

/** When a schedule runs, in words. @param {import("./shapes.js").Schedule} schedule */
export function describeWhen(schedule) {
  const words = say("when", schedule.when);
  const isCron = words === schedule.when;
  return [isCron ? h("code", {}, schedule.when) : `${words}, ${schedule.at}`, h("span", { class: "hint" }, schedule.timeZone)];
}
