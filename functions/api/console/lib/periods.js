// Converts periods, such as last month, to a first and last day for the filters of one report. Schedules send the period itself.

/** Periods, in the order in which they are offered. */
export const PERIODS = [
  "today", "yesterday", "this-week", "last-week", "this-month", "last-month", "last-quarter", "last-year", "last-7-days", "last-30-days",
];

export const WEEK_STARTS = ["monday", "saturday", "sunday"];
/** First day of the week by locale, if it is not Monday. A test compares it with the API. @type {Object<string, string>} */
const WEEK_STARTS_BY_LOCALE = { "en-US": "sunday", "pt-BR": "sunday", "es-MX": "sunday", "en-CA": "sunday", "ja-JP": "sunday" };

const DAY_MS = 86_400_000;
const WEEK_DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** Returns the current day in a time zone. @param {string} zone IANA name @returns {Date} midnight UTC of that day */
function today(zone) {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date());
  return new Date(`${parts}T00:00:00Z`);
}

/**
 * Returns the first and last day of a period, as functions/resma/schedules/periods.py does.
 * @param {string} period @param {string} zone IANA name that this browser knows
 * @param {string} weekStartsOn an English weekday in lower case
 * @returns {[string, string]} YYYY-MM-DD
 */
export function daysOf(period, zone, weekStartsOn) {
  const now = today(zone);
  const plus = (/** @type {number} */ days, from = now) => new Date(from.getTime() + days * DAY_MS);
  const on = (/** @type {number} */ year, /** @type {number} */ month, day = 1) => new Date(Date.UTC(year, month, day));
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const week = plus(-((now.getUTCDay() - WEEK_DAYS.indexOf(weekStartsOn) + 7) % 7));
  const quarter = month - (month % 3);
  /** @type {Object<string, [Date, Date]>} */
  const all = {
    today: [now, now],
    yesterday: [plus(-1), plus(-1)],
    "this-week": [week, now],
    "last-week": [plus(-7, week), plus(-1, week)],
    "this-month": [on(year, month), now],
    "last-month": [on(year, month - 1), on(year, month, 0)],
    "last-quarter": [on(year, quarter - 3), on(year, quarter, 0)],
    "last-year": [on(year - 1, 0), on(year - 1, 11, 31)],
    "last-7-days": [plus(-7), plus(-1)],
    "last-30-days": [plus(-30), plus(-1)],
  };
  const [first, last] = all[period];
  return [first.toISOString().slice(0, 10), last.toISOString().slice(0, 10)];
}

/** Returns the first day of the week that the API uses by default. @param {string | undefined} locale */
export function weekStartOf(locale) {
  return WEEK_STARTS_BY_LOCALE[locale ?? "en-US"] ?? "monday";
}
