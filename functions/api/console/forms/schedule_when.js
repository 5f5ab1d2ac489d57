// Conversion between the frequency choices of the form and the API's `when` and `at`, which may be a cron expression.

import { pageLocale, t } from "../words/words.js";

/** Weekdays in cron expressions, from Monday. */
export const WEEKDAYS = ["1", "2", "3", "4", "5", "6", "0"];
/** Days of the month that exist in every month. */
export const MONTH_DAYS = Array.from({ length: 28 }, (_, index) => String(index + 1));

/**
 * @typedef {{choice: string, at: string | null, weekday: string, monthDay: string}} When
 *   `choice` is a word of the API or `cron`. `weekly` and `monthly` have a day.
 */

/**
 * Converts `when` and `at` of a schedule to the choices of the form: `0 6 * * 3` is weekly on Wednesday at 06:00.
 * @param {string} when @param {string | null} at @returns {When}
 */
export function readWhen(when, at) {
  const given = { at, weekday: "1", monthDay: "1" };
  const parts = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|[0-7])$/.exec(when);
  if (parts === null) return { ...given, choice: /^[a-z-]+$/.test(when) ? when : "cron" };
  const [, minute, hour, monthDay, weekday] = parts;
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (monthDay === "*" && weekday !== "*") return { ...given, choice: "weekly", at: time, weekday: String(Number(weekday) % 7) };
  if (weekday === "*" && MONTH_DAYS.includes(monthDay)) return { ...given, choice: "monthly", at: time, monthDay };
  return { ...given, choice: "cron" };
}

/**
 * Converts the choices of the form to `when` and `at`. For Monday and the first day, the API has words.
 * @param {When & {cron: string}} chosen @returns {{when: string, at: string | null}}
 */
export function writeWhen({ choice, at, weekday, monthDay, cron }) {
  if (choice === "cron") return { when: cron, at: null }; // a cron expression includes the time
  const time = /^(\d{2}):(\d{2})$/.exec(at ?? "");
  const isDay = (choice === "weekly" && weekday !== "1") || (choice === "monthly" && monthDay !== "1");
  if (!isDay || time === null) return { when: choice, at };
  const clock = `${Number(time[2])} ${Number(time[1])}`;
  return { when: choice === "weekly" ? `${clock} * * ${weekday}` : `${clock} ${monthDay} * *`, at: null };
}

/** Returns the name of a weekday. @param {string} weekday 0 is Sunday */
export function weekdayName(weekday) {
  const day = new Date(Date.UTC(2023, 0, 1 + Number(weekday))); // 2023-01-01 is a Sunday
  return new Intl.DateTimeFormat(pageLocale(), { weekday: "long", timeZone: "UTC" }).format(day);
}

/** Describes when a schedule runs; null for a cron expression that has no words. @param {string} when @param {string | null} at */
export function whenInWords(when, at) {
  const read = readWhen(when, at);
  if (read.choice === "cron") return null;
  const days = { weekly: () => t("when.on-weekday", { day: weekdayName(read.weekday) }), monthly: () => t("when.on-month-day", { day: read.monthDay }) };
  return `${days[read.choice]?.() ?? t(`when.${read.choice}`)}, ${read.at ?? ""}`;
}
