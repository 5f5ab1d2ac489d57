// Fields for the conditions of a request. Conditions that have no field of their own can be kept or removed.

import { h } from "../lib/dom.js";
import { chip, chosen, field, group, input } from "./fields.js";
import { describeConditions } from "../words/condition_words.js";
import { t } from "../words/words.js";

/**
 * @param {import("../lib/shapes.js").OnlyIf | null | undefined} onlyIf initial conditions
 * @returns {{element: HTMLElement, fields: import("./fields.js").Field[], read: () => import("../lib/shapes.js").OnlyIf | null}}
 */
export function conditionFields(onlyIf) {
  const { min, ...rows } = onlyIf?.rows ?? {};
  const others = { ...(rows.max === null || rows.max === undefined ? {} : { rows }), ...(onlyIf?.totals ? { totals: onlyIf.totals } : {}) };
  const minRows = input({ type: "number", inputmode: "numeric", min: 0, step: 1, value: min ?? "" });
  const chips = [chip("checkbox", "condition", "changed", t("condition.changed"), onlyIf?.changed ?? false)];
  const kept = describeConditions(others);
  if (kept.length > 0) chips.push(chip("checkbox", "condition", "others", kept.join(" · "), true));
  const fields = [
    field("/onlyIf/rows", minRows, { label: t("form.min-rows"), hint: t("form.min-rows-hint") }),
    group("/onlyIf", chips, { label: t("form.conditions"), hint: t("form.conditions-hint") }),
  ];
  const read = () => {
    const selected = chosen(fields[1].element);
    const result = selected.includes("others") ? structuredClone(others) : {};
    if (minRows.value.trim() !== "") result.rows = { ...result.rows, min: Number(minRows.value) };
    if (selected.includes("changed")) result.changed = true;
    return Object.keys(result).length > 0 ? result : null;
  };
  return { element: h("div", { class: "fields" }, fields.map(({ element }) => element)), fields, read };
}
