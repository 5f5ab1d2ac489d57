// Fields of forms: label, hint, input, and the fault that the API found, by its JSON pointer.

import { h, newId, put } from "./dom.js";
import { t } from "./words.js";

/**
 * @typedef {{pointer: string, element: HTMLElement, setFault: (text: string | null) => void, focus: () => void}} Field
 */

/**
 * A field of one input, select or textarea.
 * @param {string} pointer of the request's JSON, like `/filters/from`
 * @param {HTMLElement} input
 * @param {{label: string, hint?: string | null, isRequired?: boolean}} words
 * @returns {Field}
 */
export function field(pointer, input, { label, hint = null, isRequired = false }) {
  const id = newId();
  const fault = h("p", { class: "fault", id: `${id}-fault`, hidden: true });
  input.id = id;
  if (isRequired) input.setAttribute("required", "");
  input.setAttribute("aria-describedby", `${id}-hint ${id}-fault`);
  const element = h("div", { class: "field" },
    h("label", { for: id }, label, mark(isRequired)),
    input,
    h("p", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint),
    fault);
  return { pointer, element, setFault: (text) => show(fault, text, input), focus: () => input.focus() };
}

/**
 * A field of several inputs: choices.
 * @param {string} pointer
 * @param {HTMLElement[]} inputs with their labels
 * @param {{label: string, hint?: string | null, isRequired?: boolean}} words
 * @returns {Field}
 */
export function group(pointer, inputs, { label, hint = null, isRequired = false }) {
  const id = newId();
  const fault = h("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const element = h("fieldset", { class: "field", "aria-describedby": `${id}-hint ${id}-fault` },
    h("legend", {}, label, mark(isRequired)),
    h("div", { class: "chips" }, inputs),
    h("p", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint),
    fault);
  const first = () => element.querySelector("input:checked") ?? element.querySelector("input");
  return { pointer, element, setFault: (text) => show(fault, text, element), focus: () => first()?.focus() };
}

/** A choice among several or one: a box with its label round it. @param {"checkbox" | "radio"} type */
export function chip(type, name, value, label, isChecked) {
  return h("label", { class: "chip" }, h("input", { type, name, value, checked: isChecked }), h("span", {}, label));
}

/** What is chosen of a fieldset's boxes. @param {Element} element */
export function chosen(element) {
  return [...element.querySelectorAll("input:checked")].map((input) => /** @type {HTMLInputElement} */ (input).value);
}

/** @param {string} value @param {Object<string, string>} options texts by value, in order */
export function select(value, options) {
  return /** @type {HTMLSelectElement} */ (h("select", {},
    Object.entries(options).map(([each, text]) => h("option", { value: each, selected: each === value }, text))));
}

/** @param {Object<string, any>} attributes */
export function input(attributes) {
  return /** @type {HTMLInputElement} */ (h("input", { autocomplete: "off", spellcheck: "false", ...attributes }));
}

/**
 * Shows each fault at the field that its pointer names, and moves the keyboard to the first.
 * @param {Field[]} fields
 * @param {import("./api.js").Fault[]} faults
 * @returns {import("./api.js").Fault[]} those that no field is for
 */
export function showFaults(fields, faults) {
  for (const each of fields) each.setFault(null);
  const found = faults.map((fault) => ({ fault, place: fieldOf(fields, fault.pointer) }));
  for (const { fault, place } of found) place?.setFault(fault.detail);
  fields.find((each) => found.some(({ place }) => place === each))?.focus();
  return found.filter(({ place }) => place === undefined).map(({ fault }) => fault);
}

/** The field whose pointer is this one, or begins it (`/columns` of `/columns/3`): the longest. */
function fieldOf(fields, pointer) {
  const plain = pointer.replace(/^\/request(?=\/)/, "");
  const fitting = fields.filter((each) => plain === each.pointer || plain.startsWith(`${each.pointer}/`));
  return fitting.sort((one, other) => other.pointer.length - one.pointer.length)[0];
}

function mark(isRequired) {
  return isRequired && h("span", { class: "needed" }, ` ${t("form.needed")}`);
}

function show(fault, text, input) {
  put(fault, text);
  fault.lang = "en"; // the API's words
  fault.hidden = text === null;
  // A group has no aria-invalid (WAI-ARIA 1.2 §6.6): its description says it.
  const mark = input instanceof HTMLFieldSetElement ? "data-invalid" : "aria-invalid";
  if (text === null) input.removeAttribute(mark);
  else input.setAttribute(mark, "true");
  const holder = fault.closest("details");
  if (text !== null && holder) holder.open = true;
}
