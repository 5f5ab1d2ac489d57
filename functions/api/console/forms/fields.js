// Fields of forms: label, hint, input, and the fieldError that the API found, by its JSON pointer.

import { h, newId, put } from "../lib/dom.js";
import { errorWords } from "../words/errors.js";
import { t } from "../words/words.js";

/**
 * `setError` takes the API's sentence, and null once it is mended; whoever types in the field mends it.
 * @typedef {{pointer: string, element: HTMLElement, setError: (detail: string | null) => void, focus: () => void}} Field
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
  const fieldError = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  input.id = id;
  if (isRequired) input.setAttribute("required", "");
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  const element = h("div", { class: "field" },
    h("label", { for: id }, label, mark(isRequired)),
    input,
    h("p", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint),
    fieldError);
  const setError = (/** @type {string | null} */ detail) => showError(fieldError, detail, input);
  clearOnInput(element, setError);
  return { pointer, element, setError, focus: () => input.focus() };
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
  const fieldError = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const element = h("fieldset", { class: "field", "aria-describedby": `${id}-hint ${id}-error` },
    h("legend", {}, label, mark(isRequired)),
    h("div", { class: "chips" }, inputs),
    h("p", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint),
    fieldError);
  const first = () => element.querySelector("input:checked") ?? element.querySelector("input");
  const setError = (/** @type {string | null} */ detail) => showError(fieldError, detail, element);
  clearOnInput(element, setError);
  return { pointer, element, setError, focus: () => first()?.focus() };
}

/** A choice among several or one: a box with its label round it. @param {"checkbox" | "radio"} type */
export function chip(type, name, value, label, isChecked) {
  return h("label", { class: "chip" }, h("input", { type, name, value, checked: isChecked }), h("span", {}, label));
}

/** What is chosen of a fieldset's boxes. @param {Element} element */
export function chosen(element) {
  return [...element.querySelectorAll("input:checked")].map((input) => /** @type {HTMLInputElement} */ (input).value);
}

/** @param {string} value @param {Object<string, string> | Map<string, string>} options texts by value, in order: a Map where values are numbers */
export function select(value, options) {
  const entries = options instanceof Map ? [...options] : Object.entries(options);
  return /** @type {HTMLSelectElement} */ (h("select", {},
    entries.map(([each, text]) => h("option", { value: each, selected: each === value }, text))));
}

/** @param {Object<string, any>} attributes */
export function input(attributes) {
  return /** @type {HTMLInputElement} */ (h("input", { autocomplete: "off", spellcheck: "false", ...attributes }));
}

/**
 * Shows each fieldError at the field that its pointer names, and moves the keyboard to the first.
 * @param {Field[]} fields
 * @param {import("../lib/api.js").FieldError[]} fieldErrors
 * @returns {import("../lib/api.js").FieldError[]} those that no field is for
 */
export function showErrors(fields, fieldErrors) {
  for (const each of fields) each.setError(null);
  const found = fieldErrors.map((fieldError) => ({ fieldError, place: fieldOf(fields, fieldError.pointer) }));
  for (const { fieldError, place } of found) place?.setError(fieldError.detail);
  fields.find((each) => found.some(({ place }) => place === each))?.focus();
  return found.filter(({ place }) => place === undefined).map(({ fieldError }) => fieldError);
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

/** What is being mended is no fieldError any more; the API looks at it again when it is sent. */
function clearOnInput(element, setError) {
  for (const event of ["input", "change"]) element.addEventListener(event, () => setError(null));
}

/**
 * Shows what is wrong with a field, or nothing.
 * @param {HTMLElement} place @param {string | null} detail the API's sentence @param {HTMLElement} marked what it is wrong with
 */
export function showError(place, detail, marked) {
  put(place, detail === null ? [] : errorWords(detail));
  place.hidden = detail === null;
  // Neither a group nor a disclosure has aria-invalid (WAI-ARIA 1.2 §6.6): their description says it.
  const isInput = marked instanceof HTMLInputElement || marked instanceof HTMLSelectElement;
  const mark = isInput ? "aria-invalid" : "data-invalid";
  if (detail === null) marked.removeAttribute(mark);
  else marked.setAttribute(mark, "true");
  const holder = place.closest("details");
  if (detail !== null && holder) holder.open = true;
}
