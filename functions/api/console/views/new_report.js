// Asking for a report: the form, what it would come to, and sending it once.

import { call, newKey, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { currentDraft, forgetDraft, startFrom } from "../forms/draft.js";
import { estimateCard } from "../parts/estimate.js";
import { during, problemBox } from "../parts/notices.js";
import { loadTypes } from "../parts/elements.js";
import { requestForm } from "../forms/request_form.js";
import { focusHeading, go } from "../lib/router.js";
import { t } from "../words/words.js";

/** The Idempotency-Key of what is in the form, and the text that it stands for. */
let sending = { key: "", text: "" };

/** @param {HTMLElement} main @param {import("../lib/router.js").Place} place */
export async function showAsk(main, place) {
  const { signal } = place;
  const holder = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  put(main, h("h1", {}, t("ask.title")), holder);
  const types = await loadTypes();
  const trouble = h("div");
  const form = requestForm(types, currentDraft(), () => { startFrom(form.read()); estimate.outdate(); });
  const showProblem = (problem) => {
    const left = form.showErrors(problem.fieldErrors);
    const isAllShown = problem.fieldErrors.length > 0 && left.length === 0;
    put(trouble, problemBox(problem, left));
    if (!isAllShown) /** @type {HTMLElement} */ (trouble.firstElementChild).focus();
  };
  const estimate = estimateCard(() => form.read(), signal, showProblem, () => { form.showErrors([]); put(trouble); });
  const send = (event) => {
    event.preventDefault();
    during(event.submitter, trouble, () => submit(form, showProblem));
  };
  const clear = async () => {
    forgetDraft();
    await showAsk(main, place);
    focusHeading(main);
  };
  put(holder, h("form", { class: "ask", onsubmit: send, novalidate: true },
    form.element,
    h("aside", { class: "side", "aria-label": t("ask.send-title") },
      estimate.element,
      trouble,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary wide" }, t("ask.send")),
        h("button", { type: "button", class: "quiet", onclick: clear }, t("ask.clear"))))));
}

async function submit(form, showProblem) {
  form.showErrors([]);
  const request = form.read();
  const text = JSON.stringify(request);
  // The same form is the same key: a second click, or a second try after no answer, asks for one report.
  if (sending.text !== text) sending = { key: newKey(), text };
  try {
    const { data } = await call("POST", "reports/generate", { body: request, headers: { "Idempotency-Key": sending.key } });
    sending = { key: "", text: "" };
    forgetDraft();
    go(`/reports/${data.id}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(error);
  }
}
