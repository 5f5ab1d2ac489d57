// Fields for the times and the period of a schedule.

import { h } from "../lib/dom.js";
import { field, input, select } from "./fields.js";
import { country } from "../lib/format.js";
import { PERIODS, WEEK_STARTS } from "../lib/periods.js";
import { MONTH_DAYS, readWhen, WEEKDAYS, weekdayName, writeWhen } from "./schedule_when.js";
import { say, t } from "../words/words.js";
import { ownZone } from "../lib/zones.js";

const WORDS = ["daily", "weekly", "monthly", "first-business-day"];
const WEEKS = ["this-week", "last-week"];
const MISFIRE_POLICIES = ["run-once", "run-all", "skip"];
/** Countries that are offered. The API knows about 250, but does not list them. Another country of an existing schedule is kept. */
const COUNTRIES = ["AO", "AR", "AT", "BE", "BR", "CA", "CH", "CL", "CO", "CV", "DE", "ES", "FR", "GB", "IE", "IT", "JP", "LU", "MX", "MZ", "NL", "PE", "PT", "US", "UY"];

/**
 * @param {Partial<import("../lib/shapes.js").Schedule>} draft
 * @param {() => void} changed
 * @returns {{element: HTMLElement, fields: import("./fields.js").Field[], read: () => Object<string, any>}}
 */
export function scheduleFields(draft, changed) {
  const initial = readWhen(draft.when ?? "monthly", draft.at ?? "06:00");
  const inputs = {
    when: select(initial.choice, names("when", [...WORDS, "cron"])),
    weekday: select(initial.weekday, new Map(WEEKDAYS.map((day) => [day, weekdayName(day)]))),
    monthDay: select(initial.monthDay, new Map(MONTH_DAYS.map((day) => [day, day]))),
    cron: input({ value: initial.choice === "cron" ? draft.when : "0 6 * * 1-5", maxlength: 200 }),
    at: input({ type: "time", value: initial.at ?? "06:00", required: true }),
    timeZone: input({ value: draft.timeZone ?? ownZone(), list: "zones", required: true }),
    period: select(draft.period ?? "", { "": t("period.none"), ...names("period", PERIODS) }),
    weekStartsOn: select(draft.weekStartsOn ?? "", { "": t("week.by-locale"), ...names("week", WEEK_STARTS) }),
    calendar: select(draft.calendar ?? "", { "": t("schedules.no-calendar"), ...countries(draft.calendar) }),
    misfirePolicy: select(draft.misfirePolicy ?? "run-once", names("misfire-policy", MISFIRE_POLICIES)),
    endsAt: input({ type: "datetime-local", value: draft.endsAt ? localInput(draft.endsAt) : "" }),
  };
  const fields = {
    when: field("/when", inputs.when, { label: t("schedules.often") }),
    weekday: field("/when", inputs.weekday, { label: t("schedules.weekday") }),
    monthDay: field("/when", inputs.monthDay, { label: t("schedules.month-day"), hint: t("schedules.month-day-hint") }),
    cron: field("/when", inputs.cron, { label: t("schedules.cron"), hint: t("schedules.cron-hint") }),
    at: field("/at", inputs.at, { label: t("schedules.at") }),
    timeZone: field("/timeZone", inputs.timeZone, { label: t("form.zone"), hint: t("schedules.zone-hint") }),
    period: field("/period", inputs.period, { label: t("schedules.period"), hint: t("schedules.period-hint") }),
    weekStartsOn: field("/weekStartsOn", inputs.weekStartsOn, { label: t("schedules.week-starts-on"), hint: t("schedules.week-starts-on-hint") }),
    calendar: field("/calendar", inputs.calendar, { label: t("schedules.calendar"), hint: t("schedules.calendar-hint") }),
    misfirePolicy: field("/misfirePolicy", inputs.misfirePolicy, { label: t("schedules.misfire-policy"), hint: t("schedules.misfire-policy-hint") }),
    endsAt: field("/endsAt", inputs.endsAt, { label: t("schedules.ends"), hint: t("schedules.ends-hint", { zone: ownZone() }) }),
  };
  const show = () => {
    const when = inputs.when.value;
    fields.weekday.element.hidden = when !== "weekly";
    fields.monthDay.element.hidden = when !== "monthly";
    fields.cron.element.hidden = when !== "cron";
    fields.at.element.hidden = when === "cron";
    fields.weekStartsOn.element.hidden = !WEEKS.includes(inputs.period.value);
    fields.calendar.element.hidden = when !== "first-business-day";
  };
  const element = h("div", { class: "fields" }, Object.values(fields).map((each) => each.element));
  for (const event of ["input", "change"]) element.addEventListener(event, () => { show(); changed(); });
  show();
  return { element, fields: Object.values(fields), read: () => ({ ...read(inputs), endsAt: readEnd(inputs.endsAt.value, draft.endsAt ?? null) }) };
}

function read({ when, weekday, monthDay, cron, at, timeZone, period, weekStartsOn, calendar, misfirePolicy }) {
  return {
    ...writeWhen({ choice: when.value, at: at.value, weekday: weekday.value, monthDay: monthDay.value, cron: cron.value.trim() }),
    timeZone: timeZone.value.trim(),
    period: period.value || null,
    weekStartsOn: weekStartsOn.value || null,
    calendar: when.value === "first-business-day" ? calendar.value || null : null,
    misfirePolicy: misfirePolicy.value,
  };
}

/** Returns the end of the schedule. If the input was not changed, the original is returned, because the input has no seconds. @param {string} typed @param {string | null} before */
function readEnd(typed, before) {
  if (before !== null && typed === localInput(before)) return before;
  return typed ? new Date(typed).toISOString() : null;
}

function names(family, values) {
  return Object.fromEntries(values.map((value) => [value, say(family, value)]));
}

function countries(own) {
  const all = own && !COUNTRIES.includes(own) ? [own, ...COUNTRIES] : COUNTRIES;
  return Object.fromEntries(all.map((code) => [code, country(code)]));
}

/** Returns a timestamp in the form of a `datetime-local` input, in the time zone of the browser. @param {string} iso */
function localInput(iso) {
  const at = new Date(iso);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
