// Form fields: label, hint, input, and the validation error of the API with the field's JSON pointer.

import { h, newId, put } from "../lib/dom.js";
import { errorWords } from "../words/errors.js";
import { t } from "../words/words.js";

/**
 * `setError` shows the message of a validation error; null removes it. Input in the field removes it, too.
 * @typedef {{pointer: string, element: HTMLElement, setError: (detail: string | null) => void, focus: () => void}} Field
 */

/**
 * Creates a field with one input, select or textarea.
 * @param {string} pointer JSON pointer into the request, such as `/filters/from`
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
 * Creates a field with several inputs.
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

/** Creates a checkbox or radio button with its label. @param {"checkbox" | "radio"} type */
export function chip(type, name, value, label, isChecked) {
  return h("label", { class: "chip" }, h("input", { type, name, value, checked: isChecked }), h("span", {}, label));
}

/** Returns the values of the checked inputs of a fieldset. @param {Element} element */
export function chosen(element) {
  return [...element.querySelectorAll("input:checked")].map((input) => /** @type {HTMLInputElement} */ (input).value);
}

/** @param {string} value @param {Object<string, string> | Map<string, string>} options labels by value, in order; a Map if the values are numbers */
export function select(value, options) {
  const entries = options instanceof Map ? [...options] : Object.entries(options);
  return /** @type {HTMLSelectElement} */ (h("select", {},
    entries.map(([each, text]) => h("option", { value: each, selected: each === value }, text))));
}

/** @param {Object<string, any>} attributes */
export function input(attributes) {
  return /** @type {HTMLInputElement} */ (h("input", { autocomplete: "off", spellcheck: "false", ...attributes }));
}

/** Returns the ids in an input, which are separated by commas; null if it is empty. @param {HTMLInputElement} ids */
export function readIds(ids) {
  return ids.value.trim() ? ids.value.split(",").map((id) => id.trim()).filter(Boolean) : null;
}

/**
 * Shows each validation error at the field with its pointer, and moves the focus to the first one.
 * @param {Field[]} fields
 * @param {import("../lib/api.js").FieldError[]} fieldErrors
 * @returns {import("../lib/api.js").FieldError[]} errors without a field
 */
export function showErrors(fields, fieldErrors) {
  for (const each of fields) each.setError(null);
  const errors = fieldErrors.map((fieldError) => ({ fieldError, target: fieldOf(fields, fieldError.pointer) }));
  for (const each of fields) {
    const own = errors.filter(({ target }) => target === each).map(({ fieldError }) => fieldError.detail);
    if (own.length > 0) each.setError(own.join(" "));
  }
  fields.find((each) => errors.some(({ target }) => target === each))?.focus();
  return errors.filter(({ target }) => target === undefined).map(({ fieldError }) => fieldError);
}

/** Returns the field with this pointer, or with the longest prefix of it: `/columns` for `/columns/3`. */
function fieldOf(fields, pointer) {
  const plain = pointer.replace(/^\/request(?=\/)/, "");
  const fitting = fields.filter((each) => plain === each.pointer || plain.startsWith(`${each.pointer}/`));
  return fitting.sort((one, other) => other.pointer.length - one.pointer.length)[0];
}

function mark(isRequired) {
  return isRequired && h("span", { class: "needed" }, ` ${t("form.required")}`);
}

/** Removes the validation error of a field on input. The API validates the field again when the form is sent. */
function clearOnInput(element, setError) {
  for (const event of ["input", "change"]) element.addEventListener(event, () => setError(null));
}

/**
 * Shows the validation error of a field; null removes it.
 * @param {HTMLElement} target element for the message @param {string | null} detail message of the API @param {HTMLElement} marked element that is marked as invalid
 */
export function showError(target, detail, marked) {
  put(target, detail === null ? [] : errorWords(detail));
  target.hidden = detail === null;
  // Groups and disclosures cannot have aria-invalid (WAI-ARIA 1.2 §6.6), so their description has the error.
  const isInput = marked instanceof HTMLInputElement || marked instanceof HTMLSelectElement;
  const mark = isInput ? "aria-invalid" : "data-invalid";
  if (detail === null) marked.removeAttribute(mark);
  else marked.setAttribute(mark, "true");
  const holder = target.closest("details");
  if (detail !== null && holder) holder.open = true;
}
