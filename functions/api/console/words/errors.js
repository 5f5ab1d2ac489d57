// What is wrong with a field, in the page's words: told from the API's own sentence, which is English.

import { h } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { t } from "./words.js";

/** The first that fits; `{n}` of its words is what it caught. A test holds them to what the API says. @type {[RegExp, string][]} */
const RULES = [
  [/requires this filter\.$|^It is required\.$|^It must not be empty\.$|at least 1 item\b/, "fault.needed"],
  [/at least (\d+) (?:characters|items)/, "fault.too-short"],
  [/at most (\d+) (?:characters|items)/, "fault.too-long"],
  [/^It must not be before \w+ \((\d{4}-\d{2}-\d{2})\)\.$/, "fault.order"],
  [/^It must be later than/, "fault.later"],
  [/^It must be (\S+) or more\.$/, "fault.least"],
  [/^It must be (\S+) or less\.$/, "fault.most"],
  [/^It must be a (?:date|timestamp)|^The (?:year|month|day) \d+ does not exist/, "fault.no-day"],
  [/^It must be a time|^The time \S+ does not exist/, "fault.no-time"],
  [/^It must be an amount/, "fault.no-amount"],
  [/^It must be an integer/, "fault.no-number"],
  [/time zone/, "fault.no-zone"],
  [/cron expression of five fields|^Its .+ is not valid/, "fault.no-cron"],
  [/^It never occurs/, "fault.never"],
  [/holidays are known/, "fault.no-holidays"],
  [/begin with https|valid URL|full name of a host|ASCII without spaces|^Its port|user name or password|a fragment|^An IP address/, "fault.no-address"],
  [/the direction of text/, "fault.hidden"],
  [/no visible character/, "fault.needed"],
  [/public addresses only/, "fault.not-public"],
  [/masked for you/, "fault.personal"],
  [/has no such filter|property does not exist|^Remove it: |Remove its options/, "fault.not-here"],
  [/^It must be one of |^It must be '|^Unknown |has no column/, "fault.no-such"],
  [/required form/, "fault.form"],
];

/**
 * The fault in words. Where none fit: to look at the field, and what the API says.
 * @param {string} detail the API's sentence
 * @returns {import("../lib/dom.js").Child[]}
 */
export function faultWords(detail) {
  for (const [pattern, key] of RULES) {
    const found = pattern.exec(detail);
    if (found !== null) return [t(key, { n: day(found.slice(1).find((caught) => caught !== undefined) ?? "") })];
  }
  return [t("fault.other"), " ", h("span", { lang: "en" }, detail)];
}
