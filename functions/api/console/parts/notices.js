// What the page tells its reader: problems, short news, and questions that want an answer first.

import { byId, h, newId, put } from "../lib/dom.js";
import { errorWords } from "../words/errors.js";
import { say, t } from "../words/words.js";

/**
 * A problem in words, to be put where it came up. The API's own sentences, for operators and in English, are folded away.
 * @param {import("../lib/api.js").Problem} problem
 * @param {import("../lib/api.js").FieldError[]} [fieldErrors] those that no field shows
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

/** What the API says of something, folded away. @param {string} detail in English @param {string | null} [code] */
export function detailsOf(detail, code = null) {
  return h("details", { class: "said" }, h("summary", {}, t("page.details")),
    h("p", { lang: "en" }, detail, code && " ", code && h("code", {}, code)));
}

/** Tells screen readers, without moving anything. @param {string} text */
export function tell(text) {
  byId("said").textContent = text;
}

/** News in sight for some seconds, and in screen readers' ears. @param {string} text */
export function toast(text) {
  tell(text);
  const shown = h("div", { class: "toast", "aria-hidden": "true" }, text);
  document.body.append(shown);
  setTimeout(() => shown.remove(), 6000);
}

/**
 * A dialogue; gone when it is closed.
 * @param {string} title
 * @param {(close: () => void) => import("../lib/dom.js").Child[]} make its content
 */
export function openDialog(title, make) {
  const id = newId();
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": id }));
  const close = () => dialog.close();
  put(dialog, h("h2", { id }, title), make(close));
  dialog.addEventListener("close", () => { dialog.remove(); catchFocus(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something is done that can't be taken back. The dialogue stays, with the problem, where it fails.
 * @param {{title: string, text: string, button: string, field?: {label: string, hint: string}, isDanger?: boolean,
 *   act: (typed: string) => Promise<void>}} question
 */
export function ask({ title, text, button, field, isDanger = false, act }) {
  openDialog(title, (close) => {
    const id = newId();
    const typed = field && /** @type {HTMLInputElement} */ (h("input", { id, type: "text", maxlength: 500, "aria-describedby": `${id}-hint` }));
    const trouble = h("div");
    const send = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      await during(event.submitter, trouble, async () => { await act(typed?.value.trim() ?? ""); close(); });
    };
    return [
      h("form", { onsubmit: send },
        h("p", {}, text),
        field && h("div", { class: "field" },
          h("label", { for: id }, field.label), typed, h("p", { class: "hint", id: `${id}-hint` }, field.hint)),
        trouble,
        h("div", { class: "buttons" },
          h("button", { type: "submit", class: isDanger ? "danger" : "primary" }, button),
          // What can't be taken back is not what Enter does at once.
          h("button", { type: "button", onclick: close, autofocus: isDanger }, t("page.cancel")))),
    ];
  });
}

/**
 * Runs what a button started: once, however often it is pressed, and with its problem shown.
 * @param {EventTarget | null} button
 * @param {Element} trouble where a problem goes
 * @param {() => Promise<void>} act
 */
export async function during(button, trouble, act) {
  const pressed = /** @type {HTMLButtonElement} */ (button);
  if (pressed.getAttribute("aria-busy") === "true") return;
  pressed.setAttribute("aria-busy", "true");
  put(trouble);
  try {
    await act();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof Error) || !("status" in error)) throw error;
    const box = problemBox(/** @type {import("../lib/api.js").Problem} */ (error));
    put(trouble, box);
    box.focus();
  } finally {
    pressed.removeAttribute("aria-busy");
    catchFocus();
  }
}

/** Where what had the keyboard is gone, the view's heading gets it: it is never at the page's beginning again. */
function catchFocus() {
  const heading = document.querySelector("h1");
  if (document.activeElement !== document.body || heading === null) return;
  heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
}

/** Copies a text and says so, or that it can't: plain http has no clipboard. @param {string} text @param {string} label of the button */
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
