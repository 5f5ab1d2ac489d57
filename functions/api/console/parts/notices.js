// Problems, short messages, and dialogs.

import { byId, h, newId, put } from "../lib/dom.js";
import { errorWords } from "../words/errors.js";
import { say, t } from "../words/words.js";

/**
 * Creates the box of a problem. The messages of the API, which are for operators and in English, are collapsed.
 * @param {import("../lib/api.js").Problem} problem
 * @param {import("../lib/api.js").FieldError[]} [fieldErrors] validation errors without a field
 */
export function problemBox(problem, fieldErrors = problem.fieldErrors) {
  const own = say("problem", problem.code);
  return h("div", { class: "notice bad", role: "alert", tabindex: "-1" },
    h("p", { class: "strong" }, own === problem.code ? t("problem.other") : own),
    problem.isOurs && h("p", {}, problem.detail),
    fieldErrors.length > 0 && h("ul", {}, fieldErrors.map((fieldError) =>
      h("li", {}, fieldError.pointer && h("code", {}, fieldError.pointer), fieldError.pointer && " ", errorWords(fieldError.detail)))),
    problem.retryAfter !== null && h("p", {}, t("error.retry-after", { seconds: problem.retryAfter })),
    !problem.isOurs && detailsOf(problem.detail, problem.code));
}

/** Creates the notice about report types that cannot be generated, for their authors. @param {import("../lib/shapes.js").Catalog["errors"]} errors */
export function catalogErrors(errors) {
  return errors.length > 0 && h("div", { class: "notice bad" },
    h("p", {}, t("new-report.catalog-errors", { types: [...new Set(errors.map(({ type }) => type))].join(", ") })),
    h("ul", { lang: "en" }, errors.map(({ file, line, detail }) => h("li", {}, h("code", {}, `${file}:${line}`), " ", detail))));
}

/** Creates the collapsed message of the API. @param {string} detail in English @param {string | null} [code] */
export function detailsOf(detail, code = null) {
  return h("details", { class: "api-details" }, h("summary", {}, t("page.details")),
    h("p", { lang: "en" }, detail, code && " ", code && h("code", {}, code)));
}

/** Announces a message to screen readers without moving the focus. @param {string} text */
export function announce(text) {
  byId("announcements").textContent = text;
}

/** Shows a message for some seconds, and announces it to screen readers. @param {string} text */
export function toast(text) {
  announce(text);
  const shown = h("div", { class: "toast", "aria-hidden": "true" }, text);
  document.body.append(shown);
  setTimeout(() => shown.remove(), 6000);
}

/**
 * Opens a dialog, which is removed when it is closed.
 * @param {string} title
 * @param {(close: () => void) => import("../lib/dom.js").Child[]} make returns its content
 */
export function openDialog(title, make) {
  const id = newId();
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": id }));
  const close = () => dialog.close();
  put(dialog, h("h2", { id }, title), make(close));
  dialog.addEventListener("close", () => { dialog.remove(); restoreFocus(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Opens a dialog that confirms an action. It stays open with the problem if the action fails.
 * @param {{title: string, text: string, button: string, field?: {label: string, hint: string}, isDanger?: boolean,
 *   act: (typed: string) => Promise<void>}} question
 */
export function confirmAction({ title, text, button, field, isDanger = false, act }) {
  openDialog(title, (close) => {
    const id = newId();
    const typed = field && /** @type {HTMLInputElement} */ (h("input", { id, type: "text", maxlength: 500, "aria-describedby": `${id}-hint` }));
    const problemArea = h("div");
    const send = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      await runAction(event.submitter, problemArea, async () => { await act(typed?.value.trim() ?? ""); close(); });
    };
    return [
      h("form", { onsubmit: send },
        h("p", {}, text),
        field && h("div", { class: "field" },
          h("label", { for: id }, field.label), typed, h("p", { class: "hint", id: `${id}-hint` }, field.hint)),
        problemArea,
        h("div", { class: "buttons" },
          h("button", { type: "submit", class: isDanger ? "danger" : "primary" }, button),
          // Enter must not start an action that cannot be undone.
          h("button", { type: "button", onclick: close, autofocus: isDanger }, t("page.cancel")))),
    ];
  });
}

/**
 * Runs the action of a button and shows its problem. Pressing the button again while it runs has no effect.
 * @param {EventTarget | null} button
 * @param {Element} problemArea element for the problem
 * @param {() => Promise<void>} act
 */
export async function runAction(button, problemArea, act) {
  const pressed = /** @type {HTMLButtonElement} */ (button);
  if (pressed.getAttribute("aria-busy") === "true") return;
  pressed.setAttribute("aria-busy", "true");
  put(problemArea);
  try {
    await act();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof Error) || !("status" in error)) throw error;
    const box = problemBox(/** @type {import("../lib/api.js").Problem} */ (error));
    put(problemArea, box);
    box.focus();
  } finally {
    pressed.removeAttribute("aria-busy");
    restoreFocus();
  }
}

/** Moves the focus to the heading of the view if the focused element was removed, so that it is not lost. */
function restoreFocus() {
  const heading = document.querySelector("h1");
  if (document.activeElement !== document.body || heading === null) return;
  heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
}

/** Creates a button that copies a string and shows whether that worked; http pages have no clipboard. @param {string} text @param {string} label label of the button */
export function copyButton(text, label) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(t("page.copied"));
    } catch {
      toast(t("page.not-copied"));
    }
  };
  return h("button", { type: "button", class: "quiet small", onclick: copy, "aria-label": label }, t("page.copy"));
}
