// What is wrong with a field, in the page's words: told from the API's own sentence, which is English.

import { h } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { t } from "./words.js";

/** The first that fits; `{n}` of its words is what it caught. A test holds them to what the API says. @type {[RegExp, string][]} */
const RULES = [
  [/requires this filter\.$|^It is required\.$|^It must not be empty\.$|at least 1 item\b/, "field-error.needed"],
  [/at least (\d+) (?:characters|items)/, "field-error.too-short"],
  [/at most (\d+) (?:characters|items)/, "field-error.too-long"],
  [/^It must not be before \w+ \((\d{4}-\d{2}-\d{2})\)\.$/, "field-error.order"],
  [/^It must be later than/, "field-error.later"],
  [/^It must be (\S+) or more\.$/, "field-error.least"],
  [/^It must be (\S+) or less\.$/, "field-error.most"],
  [/^It must be a (?:date|timestamp)|^The (?:year|month|day) \d+ does not exist/, "field-error.no-day"],
  [/^It must be a time|^The time \S+ does not exist/, "field-error.no-time"],
  [/^It must be an amount/, "field-error.no-amount"],
  [/^It must be an integer/, "field-error.no-number"],
  [/time zone/, "field-error.no-zone"],
  [/cron expression of five fields|^Its .+ is not valid/, "field-error.no-cron"],
  [/^It never occurs/, "field-error.never"],
  [/holidays are known/, "field-error.no-holidays"],
  [/begin with https|valid URL|full name of a host|ASCII without spaces|^Its port|user name or password|a fragment|^An IP address/, "field-error.no-address"],
  [/the direction of text/, "field-error.hidden"],
  [/no visible character/, "field-error.needed"],
  [/public addresses only/, "field-error.not-public"],
  [/masked for you/, "field-error.personal"],
  [/has no such filter|property does not exist|^Remove it: |Remove its options/, "field-error.not-here"],
  [/^It must be one of |^It must be '|^Unknown |has no column/, "field-error.no-such"],
  [/required form/, "field-error.form"],
];

/**
 * The fieldError in words. Where none fit: to look at the field, and what the API says.
 * @param {string} detail the API's sentence
 * @returns {import("../lib/dom.js").Child[]}
 */
export function errorWords(detail) {
  for (const [pattern, key] of RULES) {
    const found = pattern.exec(detail);
    if (found !== null) return [t(key, { n: day(found.slice(1).find((caught) => caught !== undefined) ?? "") })];
  }
  return [t("field-error.other"), " ", h("span", { lang: "en" }, detail)];
}
