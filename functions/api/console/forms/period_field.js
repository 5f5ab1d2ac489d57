// Field for a period, such as last month, that fills in the filters `from` and `to` of one report.

import { field, select } from "./fields.js";
import { daysOf, PERIODS, weekStartOf } from "../lib/periods.js";
import { say, t } from "../words/words.js";
import { isZone, ownZone } from "../lib/zones.js";

/**
 * @param {import("./filter_fields.js").FilterField[]} filters of the report type
 * @param {() => {zone: string, locale: string}} read returns the current time zone and locale of the report
 * @returns {HTMLElement | null} null if the type does not have both filters
 */
export function periodField(filters, read) {
  const inputs = ["from", "to"].map((name) => /** @type {HTMLInputElement | null | undefined} */ (
    filters.find((each) => each.name === name)?.element.querySelector("input[type=date]")));
  const [from, to] = inputs;
  if (!from || !to) return null;
  const picked = select("", { "": t("form.period-custom"), ...Object.fromEntries(PERIODS.map((each) => [each, say("period", each)])) });
  let isFilling = false;
  const fill = () => {
    if (picked.value === "") return;
    const { zone, locale } = read();
    [from.value, to.value] = daysOf(picked.value, isZone(zone) ? zone : ownZone(), weekStartOf(locale));
    isFilling = true;
    // Updates everything that depends on the inputs, as if the user had changed them: draft, estimate and errors.
    for (const each of [from, to]) each.dispatchEvent(new Event("change", { bubbles: true }));
    isFilling = false;
  };
  picked.addEventListener("change", fill);
  for (const each of [from, to]) {
    for (const event of ["input", "change"]) each.addEventListener(event, () => { if (!isFilling) picked.value = ""; });
  }
  const made = field("/period", picked, { label: t("form.period"), hint: t("form.period-hint") });
  made.element.classList.add("period");
  return made.element;
}
