// What is wrong with a field, in the page's words: told from the API's own sentence, which is English.

import { h } from "./dom.js";
import { day } from "./format.js";
import { t } from "./words.js";

/** The first that fits; `{n}` of its words is what it caught. A test holds them to what the API says. @type {[RegExp, string][]} */
const RULES = [
  [/needs this filter$|^this is needed$|^Field required|at least 1 (?:character|item)|^give a text that is not empty$|^name at least one/, "fault.needed"],
  [/at least (\d+) (?:character|item)/, "fault.too-short"],
  [/at most (\d+) (?:character|item)/, "fault.too-long"],
  [/^must not be before \w+ \((\d{4}-\d{2}-\d{2})\)$/, "fault.order"],
  [/^give a later moment|later than now|in the future/, "fault.later"],
  [/^must be (\S+) or more$|^give a number from (\S+) on$|greater than or equal to (\S+)$/, "fault.least"],
  [/^must be (\S+) or less$|^give a number up to (\S+)$|less than or equal to (\S+)$/, "fault.most"],
  [/^give a day as|^day is out of range|^month must be in|^year|valid date/, "fault.no-day"],
  [/^give a time as|valid time/, "fault.no-time"],
  [/^give an amount as/, "fault.no-amount"],
  [/valid integer/, "fault.no-number"],
  [/IANA time zone/, "fault.no-zone"],
  [/cron expression of five fields|^its .+ can't be used/, "fault.no-cron"],
  [/^it never comes/, "fault.never"],
  [/holidays are known/, "fault.no-holidays"],
  [/begins with https|^host or port|whole name of a host|ASCII without spaces|^use port|^leave out (?:user|the fragment)|valid URL/, "fault.no-address"],
  [/public (?:ones|addresses) only/, "fault.not-public"],
  [/masked for you/, "fault.personal"],
  [/leave (?:it|its options) out$|^leave it out|has no such filter|there is no such field/, "fault.not-here"],
  [/^there is no such|^give one of |^Input should be '|^unknown |has no column/, "fault.no-such"],
  [/it has not the form|match pattern/, "fault.form"],
];

/**
 * The fault in words. Where none fit: to look at the field, and what the API says.
 * @param {string} detail the API's sentence
 * @returns {import("./dom.js").Child[]}
 */
export function faultWords(detail) {
  for (const [pattern, key] of RULES) {
    const found = pattern.exec(detail);
    if (found !== null) return [t(key, { n: day(found.slice(1).find((caught) => caught !== undefined) ?? "") })];
  }
  return [t("fault.other"), " ", h("span", { lang: "en" }, detail)];
}
