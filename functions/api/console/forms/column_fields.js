// Field for the columns of a report and their order. By default, all columns are selected.

import { h, put } from "../lib/dom.js";
import { showError } from "./fields.js";
import { announce } from "../parts/notices.js";
import { t } from "../words/words.js";

/**
 * @param {import("../lib/shapes.js").Column[]} columns of the report type
 * @param {string[] | null} picked names in order; null: all columns
 * @param {boolean} seesPersonal whether the user sees personal columns unmasked
 * @param {() => void} changed
 * @returns {import("./fields.js").Field & {read: () => string[] | null}}
 */
export function columnFields(columns, picked, seesPersonal, changed) {
  const first = picked ?? columns.map(({ name }) => name);
  const order = [...columns].sort((one, other) => positionIn(first, one) - positionIn(first, other));
  const on = new Set(first);
  const list = h("ol", { class: "columns" });
  const fieldError = h("p", { class: "field-error", hidden: true });
  const count = h("span", { class: "soft" });

  const showCount = () => { count.textContent = t("form.columns-count", { n: on.size, of: columns.length }); };
  const refresh = () => { showCount(); setError(null); changed(); };
  const setError = (/** @type {string | null} */ detail) => showError(fieldError, detail, element);
  const move = (column, step) => {
    const at = order.indexOf(column);
    order.splice(at, 1);
    order.splice(at + step, 0, column);
    draw();
    const moved = list.children[at + step];
    const button = /** @type {HTMLButtonElement} */ (moved.querySelector(step < 0 ? ".up" : ".down"));
    (button.disabled ? /** @type {HTMLElement} */ (moved.querySelector("button:not(:disabled)")) : button)?.focus();
    announce(t("form.column-moved", { column: column.heading, n: at + step + 1, of: order.length }));
    refresh();
  };
  const toggle = (column, isOn) => {
    if (isOn) on.add(column.name);
    else on.delete(column.name);
    refresh();
  };
  const setAll = (isOn) => {
    for (const { name } of columns) isOn ? on.add(name) : on.delete(name);
    draw();
    refresh();
  };
  const draw = () => put(list, order.map((column, index) => row(column, index)));
  const row = (column, index) => h("li", {},
    h("label", {},
      h("input", { type: "checkbox", checked: on.has(column.name), onchange: (event) => toggle(column, event.target.checked) }),
      h("span", {}, column.heading),
      column.personal && h("span", { class: "tag" }, t(seesPersonal ? "form.personal" : "form.masked"))),
    h("span", { class: "movers" },
      mover("up", "↑", column, index === 0, -1), mover("down", "↓", column, index === order.length - 1, 1)));
  const mover = (name, sign, column, disabled, step) => h("button", {
    type: "button", class: `quiet small ${name}`, disabled,
    "aria-label": t(`form.column-${name}`, { column: column.heading }), onclick: () => move(column, step),
  }, sign);

  draw();
  showCount();
  const element = h("details", { class: "field", open: picked !== null },
    h("summary", {}, t("form.columns"), " ", count), h("p", { class: "hint" }, t("form.columns-hint")),
    h("div", { class: "buttons tight" },
      h("button", { type: "button", class: "quiet small", onclick: () => setAll(true) }, t("form.columns-all")),
      h("button", { type: "button", class: "quiet small", onclick: () => setAll(false) }, t("form.columns-none"))),
    list, fieldError);
  return {
    pointer: "/columns",
    element,
    setError,
    focus: () => /** @type {HTMLElement} */ (element.querySelector("summary")).focus(),
    read: () => readNames(columns, order, on),
  };
}

/** Returns the names of the selected columns. Null for all in the default order, so that a later column of the type is included. */
function readNames(columns, order, on) {
  const names = order.filter(({ name }) => on.has(name)).map(({ name }) => name);
  const own = columns.map(({ name }) => name);
  return names.length === own.length && names.every((name, index) => name === own[index]) ? null : names;
}

function positionIn(names, column) {
  const at = names.indexOf(column.name);
  return at < 0 ? names.length : at;
}
