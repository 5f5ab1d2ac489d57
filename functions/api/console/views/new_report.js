// View: form that requests a report, with an estimate.

import { call, newKey, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { currentDraft, clearDraft, startFrom } from "../forms/draft.js";
import { estimateCard } from "../parts/estimate.js";
import { catalogErrors, runAction, problemBox } from "../parts/notices.js";
import { loadCatalog } from "../parts/elements.js";
import { requestForm } from "../forms/request_form.js";
import { focusHeading, go } from "../lib/router.js";
import { t } from "../words/words.js";

/** Idempotency-Key, and the request that it belongs to. */
let sent = { key: "", text: "" };

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showNewReport(main, context) {
  const { signal } = context;
  const holder = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  put(main, h("h1", {}, t("new-report.title")), holder);
  const { items: types, errors } = await loadCatalog(true);
  const problemArea = h("div");
  const form = requestForm(types, currentDraft(), () => { startFrom(form.read()); estimate.outdate(); });
  const showProblem = (problem) => {
    const remaining = form.showErrors(problem.fieldErrors);
    const isAllShown = problem.fieldErrors.length > 0 && remaining.length === 0;
    put(problemArea, problemBox(problem, remaining));
    if (!isAllShown) /** @type {HTMLElement} */ (problemArea.firstElementChild).focus();
  };
  const estimate = estimateCard(() => form.read(), signal, showProblem, () => { form.showErrors([]); put(problemArea); });
  const send = (event) => {
    event.preventDefault();
    runAction(event.submitter, problemArea, () => submit(form, showProblem));
  };
  const clear = async () => {
    clearDraft();
    await showNewReport(main, context);
    focusHeading(main);
  };
  put(holder, catalogErrors(errors), h("form", { class: "form-page", onsubmit: send, novalidate: true },
    form.element,
    h("aside", { class: "side", "aria-label": t("new-report.send-title") },
      estimate.element,
      problemArea,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary wide" }, t("new-report.send")),
        h("button", { type: "button", class: "quiet", onclick: clear }, t("new-report.clear"))))));
}

async function submit(form, showProblem) {
  form.showErrors([]);
  const request = form.read();
  const text = JSON.stringify(request);
  // The same request has the same key, so that a second click, or one after a lost response, does not create a second report.
  if (sent.text !== text) sent = { key: newKey(), text };
  try {
    const { data } = await call("POST", "reports/generate", { body: request, headers: { "Idempotency-Key": sent.key } });
    sent = { key: "", text: "" };
    clearDraft();
    go(`/reports/${data.id}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(error);
  }
}
