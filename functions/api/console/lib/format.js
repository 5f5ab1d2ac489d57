// Formats numbers, sizes and times. Amounts are formatted from strings and never become floats, so that they are exact.

import { h } from "./dom.js";
import { pageLocale, t } from "../words/words.js";
import { isZone, ownZone } from "./zones.js";

/** @param {number | null | undefined} value */
export function number(value) {
  return value === null || value === undefined ? "–" : new Intl.NumberFormat(pageLocale()).format(value);
}

/**
 * Formats an exact amount in the page's locale: `-1234.50` becomes `-1,234.50`.
 * @param {string | number | null} text
 */
export function amount(text) {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text ?? ""));
  if (parts === null) return text === null ? "–" : String(text);
  const [, sign, whole, fraction] = parts;
  const mark = new Intl.NumberFormat(pageLocale()).formatToParts(1.5).find((part) => part.type === "decimal").value;
  return sign + new Intl.NumberFormat(pageLocale()).format(BigInt(whole)) + (fraction ? mark + fraction : "");
}

/**
 * Converts a typed amount to the form of the API. Other text is not changed, so that the API rejects it.
 * @param {string} typed
 */
export function readAmount(typed) {
  const parts = new Intl.NumberFormat(pageLocale()).formatToParts(12345678.5);
  const mark = parts.find((part) => part.type === "decimal").value;
  const group = parts.find((part) => part.type === "group")?.value ?? "";
  const plain = typed.trim();
  if (mark === "." || !plain.includes(mark)) return group === "," ? plain.replaceAll(",", "") : plain;
  return plain.replaceAll(group, "").replace(mark, ".");
}

/** @param {number | null} count of bytes */
export function bytes(count) {
  if (count === null) return "–";
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let size = count;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit += 1) size /= 1000;
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return new Intl.NumberFormat(pageLocale(), {
    style: "unit", unit: units[unit], unitDisplay: unit === 0 ? "long" : "short", maximumFractionDigits: digits,
  }).format(size);
}

/** Formats a duration with at most two units. @param {number | null} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const show = (value, unit, digits = 0) =>
    new Intl.NumberFormat(pageLocale(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
  if (seconds < 10) return show(seconds, "second", 1);
  if (seconds < 60) return show(Math.round(seconds), "second");
  const minutes = Math.round(seconds / 60);
  if (seconds < 600) return `${show(Math.floor(seconds / 60), "minute")} ${show(Math.floor(seconds % 60), "second")}`;
  return minutes < 60 ? show(minutes, "minute") : `${show(Math.floor(minutes / 60), "hour")} ${show(minutes % 60, "minute")}`;
}

/**
 * Formats a date-time to the minute. @param {string | null} iso @param {string} [zone] IANA name; by default that of the browser
 * @param {"short" | "medium"} [timeStyle] `medium` has seconds
 */
export function dateTime(iso, zone, timeStyle = "short") {
  if (!iso) return "–";
  const options = { dateStyle: "medium", timeStyle, timeZone: zone };
  return new Intl.DateTimeFormat(pageLocale(), /** @type {Intl.DateTimeFormatOptions} */ (options)).format(new Date(iso));
}

/** Returns an element with a date-time. Its tooltip has the seconds and the time zone. @param {string | null} iso @param {string} [zone] */
export function when(iso, zone) {
  if (!iso) return "–";
  const isKnown = zone === undefined || isZone(zone);
  const title = isKnown ? `${dateTime(iso, zone, "medium")} ${zone ?? ownZone()}` : iso;
  return h("time", { datetime: iso, title }, isKnown ? dateTime(iso, zone) : iso);
}

/** Returns an element with a date-time, its seconds, and the time zone of the browser. @param {string} iso */
export function whenExactly(iso) {
  return h("time", { datetime: iso }, dateTime(iso, undefined, "medium"), h("span", { class: "soft" }, ` · ${ownZone()}`));
}

/** Formats a day (YYYY-MM-DD), or a month (YYYY-MM) or year (YYYY) of a chart. @param {string} iso */
export function day(iso) {
  const parts = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/.exec(iso ?? "");
  if (parts === null || !parts[2]) return iso ?? "–";
  const at = new Date(0);
  at.setUTCFullYear(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3] ?? 1)); // `Date.UTC` would treat the year 44 as 1944
  const options = parts[3] ? { dateStyle: "medium" } : { year: "numeric", month: "short" };
  return new Intl.DateTimeFormat(pageLocale(), /** @type {Intl.DateTimeFormatOptions} */ ({ ...options, timeZone: "UTC" })).format(at);
}

/** Formats a range of days (YYYY-MM-DD). @param {string} from @param {string} to */
export function days(from, to) {
  const shown = new Intl.DateTimeFormat(pageLocale(), { dateStyle: "medium", timeZone: "UTC" });
  return shown.formatRange(new Date(`${from}T00:00:00Z`), new Date(`${to}T00:00:00Z`));
}

/** Formats a percentage. @param {number} value from 0 to 100 */
export function percent(value) {
  return new Intl.NumberFormat(pageLocale(), { style: "percent" }).format(Math.floor(value) / 100);
}

/** Formats an amount in US dollars. Amounts under one cent are shown as less than one cent. @param {string | number} text */
export function dollars(text) {
  const value = Number(text);
  if (value > 0 && value < 0.01) return t("cost.less", { amount: amount("0.01") });
  return t("cost.dollars", { amount: amount(value.toFixed(2)) });
}

/** Returns the name of a country in the page's language, with its code. @param {string} code ISO 3166 */
export function country(code) {
  const name = /^[A-Z]{2}$/.test(code) ? new Intl.DisplayNames([pageLocale()], { type: "region" }).of(code) : code;
  return name === code ? code : `${name} (${code})`;
}
