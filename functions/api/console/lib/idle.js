// Signs the user out after a time without activity, with a warning before (WCAG 2.2, success criterion 2.2.1).

import { h } from "./dom.js";
import { openDialog } from "../parts/notices.js";
import { reportActivity } from "./tabs.js";
import { t } from "../words/words.js";

/** Minutes without activity until the user is signed out, from the `meta` element of the page. */
export const IDLE_MINUTES = Number(/** @type {HTMLMetaElement} */ (document.querySelector('meta[name="idle-minutes"]')).content);
const IDLE_MS = IDLE_MINUTES * 60_000;
const WARNING_MS = 60_000;
const CHECK_MS = 2000;
const REPORT_MS = 10_000;

let last = Date.now();
let reported = 0;

/** Records activity of this tab or another one. */
export function recordActivity() {
  last = Date.now();
}

function act() {
  recordActivity();
  if (last - reported < REPORT_MS) return;
  reported = last;
  reportActivity();
}

/**
 * Starts to watch for activity. @param {() => boolean} isWatched whether the session ends when idle
 * @param {() => void} end ends it
 */
export function watchIdle(isWatched, end) {
  for (const event of ["pointerdown", "keydown", "wheel", "touchstart"]) addEventListener(event, act, { capture: true, passive: true });
  /** @type {HTMLDialogElement | null} */
  let warning = null;
  setInterval(() => {
    const idle = isWatched() ? Date.now() - last : 0;
    if (idle < IDLE_MS - WARNING_MS) {
      warning?.close();
    } else if (idle >= IDLE_MS) {
      end();
    } else if (warning === null) {
      warning = warn();
      warning.addEventListener("close", () => { warning = null; });
    }
  }, CHECK_MS);
}

function warn() {
  return openDialog(t("idle.title"), (close) => [
    h("p", {}, t("idle.text", { minutes: IDLE_MINUTES })),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", onclick: () => { act(); close(); } }, t("idle.stay"))),
  ]);
}
