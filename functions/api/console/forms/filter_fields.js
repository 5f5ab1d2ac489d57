// Fields for the filters of a report type, created from their JSON Schema.

import { h } from "../lib/dom.js";
import { chip, chosen, field, group, input, select } from "./fields.js";
import { labelOf } from "../words/filter_words.js";
import { readAmount } from "../lib/format.js";
import { t } from "../words/words.js";

/**
 * @typedef {import("./fields.js").Field & {name: string, read: () => any}} FilterField
 *   `read` returns the value of the filter for the API, or undefined if it is not set.
 */

/**
 * @param {import("../lib/shapes.js").FilterSchema} schema
 * @param {Object<string, any>} values initial values
 * @returns {FilterField[]} in the catalog's order
 */
export function filterFields(schema, values) {
  const needed = new Set(schema.required ?? []);
  return Object.entries(schema.properties).map(([name, item]) => {
    const value = values[name] ?? item.default;
    const words = { label: item.title ?? name, hint: hintOf(item, name), isRequired: needed.has(name) };
    return { name, ...make(name, item, value, words) };
  });
}

/** Returns the hint of a filter, if it says more than the label. The date format is omitted, because dates are picked and not typed. */
function hintOf(item, name) {
  if (item.description === (item.title ?? name)) return undefined;
  return item.format === "date" ? item.description?.replace(/, (?:as YYYY-MM-DD|como AAAA-MM-DD)/, "") : item.description;
}

function make(name, item, value, words) {
  const pointer = `/filters/${name}`;
  if (item.type === "array") return choices(pointer, name, item, value ?? [], words);
  if (item.type === "boolean") return yesOrNo(pointer, value, words);
  const typed = input({ ...attributesOf(item), value: value ?? "", name });
  return { ...field(pointer, typed, words), read: () => readTyped(item, typed) };
}

function choices(pointer, name, item, value, words) {
  const made = group(pointer, item.items.enum.map((each) => chip("checkbox", name, each, labelOf(item, each), value.includes(each))), words);
  return { ...made, read: () => (chosen(made.element).length > 0 ? chosen(made.element) : undefined) };
}

function yesOrNo(pointer, value, words) {
  const picked = select(String(value ?? ""), { "": t("form.any"), true: t("form.yes"), false: t("form.no") });
  return { ...field(pointer, picked, words), read: () => (picked.value === "" ? undefined : picked.value === "true") };
}

function attributesOf(item) {
  if (item.format === "date") return { type: "date", min: item.formatMinimum, max: item.formatMaximum ?? "9999-12-31" };
  if (item.type === "integer") return { type: "text", inputmode: "numeric" };
  if (isAmount(item)) return { type: "text", inputmode: "decimal" };
  return { type: "text", maxlength: item.maxLength };
}

/** Whether a filter is an amount. Amounts are sent as strings, so that they are exact. */
function isAmount(item) {
  return item.format === "decimal";
}

function readTyped(item, typed) {
  const text = typed.value.trim();
  if (text === "") return undefined;
  if (isAmount(item)) return readAmount(text);
  // An integer above 2^53 would lose digits, so it is sent as a string, which the API rejects.
  if (item.type === "integer") return /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
  return text;
}

/** Returns the values of the filters that are set. @param {FilterField[]} fields */
export function readFilters(fields) {
  return Object.fromEntries(fields.map((each) => [each.name, each.read()]).filter(([, value]) => value !== undefined));
}

/**
 * Disables filters that the period of a schedule fills in, or enables them again.
 * @param {FilterField[]} fields @param {string[]} names @param {boolean} isSupplied
 */
export function supply(fields, names, isSupplied) {
  for (const each of fields.filter(({ name }) => names.includes(name))) {
    const typed = /** @type {HTMLInputElement} */ (each.element.querySelector("input"));
    typed.disabled = isSupplied;
    if (isSupplied) typed.value = "";
    each.element.querySelector(".supplied")?.remove();
    if (isSupplied) each.element.append(h("p", { class: "hint supplied" }, t("form.supplied")));
  }
}
