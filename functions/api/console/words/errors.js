// Words for validation errors, chosen by the English message of the API.

import { h } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { t } from "./words.js";

/** The first pattern that matches is used. `{n}` in its words is the captured group. A test compares the patterns with the API. @type {[RegExp, string][]} */
const RULES = [
  [/requires this filter\.$|^It is required\.$|^It must not be empty\.$|at least 1 item\b/, "field-error.required"],
  [/at least (\d+) (?:characters|items)/, "field-error.too-short"],
  [/at most (\d+) (?:characters|items)/, "field-error.too-long"],
  [/^It must not be before \w+ \((\d{4}-\d{2}-\d{2})\)\.$/, "field-error.before-start"],
  [/^It must be later than/, "field-error.too-early"],
  [/^It must not be in the future/, "field-error.in-the-future"],
  [/^There are more than (\d+) runs/, "field-error.too-many-runs"],
  [/^It must be (\S+) or more\.$/, "field-error.below-minimum"],
  [/^It must be (\S+) or less\.$/, "field-error.above-maximum"],
  [/^It must be a (?:date|timestamp)|^The (?:year|month|day) \d+ does not exist/, "field-error.invalid-date"],
  [/^It must be a time|^The time \S+ does not exist/, "field-error.invalid-time"],
  [/^It must be an amount/, "field-error.invalid-amount"],
  [/^It must be an integer/, "field-error.invalid-number"],
  [/time zone/, "field-error.unknown-time-zone"],
  [/cron expression of five fields|^Its .+ is not valid/, "field-error.invalid-cron"],
  [/^It never occurs/, "field-error.never-runs"],
  [/holidays are known/, "field-error.unknown-holidays"],
  [/begin with https|valid URL|full name of a host|ASCII without spaces|^Its port|user name or password|a fragment|^An IP address/, "field-error.invalid-url"],
  [/the direction of text/, "field-error.hidden-characters"],
  [/no visible character/, "field-error.required"],
  [/public addresses only/, "field-error.not-public"],
  [/masked for you/, "field-error.personal"],
  [/has no such filter|property does not exist|^Remove it: |Remove its options/, "field-error.not-applicable"],
  [/^It must be one of |^It must be '|^Unknown |has no column/, "field-error.unknown-value"],
  [/required form/, "field-error.invalid-format"],
];

/**
 * Returns words for a validation error. If no pattern matches, they include the message of the API.
 * @param {string} detail message of the API
 * @returns {import("../lib/dom.js").Child[]}
 */
export function errorWords(detail) {
  for (const [pattern, key] of RULES) {
    const match = pattern.exec(detail);
    if (match !== null) return [t(key, { n: day(match.slice(1).find((group) => group !== undefined) ?? "") })];
  }
  return [t("field-error.other"), " ", h("span", { lang: "en" }, detail)];
}
