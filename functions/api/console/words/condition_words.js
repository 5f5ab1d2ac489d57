// Conditions of a request in words.

import { amount, number } from "../lib/format.js";
import { many, t } from "./words.js";

/**
 * Returns each condition of a request in words.
 * @param {import("../lib/shapes.js").OnlyIf | null | undefined} onlyIf
 * @returns {string[]}
 */
export function describeConditions(onlyIf) {
  const { rows, totals, changed } = onlyIf ?? {};
  return [
    ...(isSet(rows?.min) ? [many("condition.min-rows", Number(rows?.min), number(rows?.min))] : []),
    ...(isSet(rows?.max) ? [many("condition.max-rows", Number(rows?.max), number(rows?.max))] : []),
    ...(totals ?? []).map(describeTotal),
    ...(changed ? [t("condition.changed")] : []),
  ];
}

/** @param {import("../lib/shapes.js").TotalCondition} condition */
function describeTotal({ amount: name, currency, min, max }) {
  const limits = [isSet(min) && `≥ ${amount(String(min))}`, isSet(max) && `≤ ${amount(String(max))}`].filter(Boolean);
  return [name, currency, limits.join(", ")].filter(Boolean).join(" ");
}

function isSet(value) {
  return value !== null && value !== undefined;
}
