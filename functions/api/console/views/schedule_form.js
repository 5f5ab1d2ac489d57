// View: form that creates or edits a schedule, with its next runs.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { field, input, showErrors } from "../forms/fields.js";
import { runAction, problemBox } from "../parts/notices.js";
import { loadTypes, wayBack } from "../parts/elements.js";
import { weekStartOf } from "../lib/periods.js";
import { requestForm } from "../forms/request_form.js";
import { go } from "../lib/router.js";
import { scheduleFields } from "../forms/schedule_fields.js";
import { livePreview } from "../parts/schedule_preview.js";
import { t } from "../words/words.js";

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showScheduleForm(main, { parameters: [id], signal }) {
  const holder = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  put(main, wayBack("/schedules", t("schedules.title")), h("h1", {}, t(id ? "schedules.edit" : "schedules.new")), holder);
  const types = await loadTypes();
  const draft = id ? (await call("GET", `schedules/${encodeURIComponent(id)}`, { signal })).data : {};
  const form = scheduleForm(types, draft, signal);
  const problemArea = h("div");
  const save = async () => {
    form.showErrors([]);
    try {
      const { data } = id
        ? await call("PATCH", `schedules/${encodeURIComponent(id)}`, { body: form.read() })
        : await call("POST", "schedules", { body: form.read() });
      go(`/schedules/${data.id}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const remaining = form.showErrors(error.fieldErrors);
      put(problemArea, problemBox(error, remaining));
      if (error.fieldErrors.length === 0 || remaining.length > 0) /** @type {HTMLElement} */ (problemArea.firstElementChild).focus();
    }
  };
  const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); runAction(event.submitter, problemArea, save); };
  put(holder, h("form", { class: "form-page", onsubmit: send, novalidate: true }, form.element,
    h("aside", { class: "side", "aria-label": t("preview.title") }, form.preview, problemArea,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary wide" }, t("schedules.save"))))));
}

function scheduleForm(types, draft, signal) {
  const name = field("/name", input({ value: draft.name ?? "", maxlength: 100 }), { label: t("schedules.name"), isRequired: true });
  let refresh = () => {}; // replaced below, when the preview exists
  const request = requestForm(types, { timeZone: draft.timeZone, ...draft.request }, () => refresh());
  const times = scheduleFields(draft, () => { preview.refresh(); supplyPeriod(); });
  // The first day of the week depends on the locale of the request, which is not sent to the preview.
  const readTimes = () => {
    const values = times.read();
    return { ...values, weekStartsOn: values.weekStartsOn ?? weekStartOf(request.read().locale) };
  };
  const preview = livePreview(readTimes, signal, (fieldErrors) => {
    for (const each of times.fields) each.setError(null);
    for (const fieldError of fieldErrors) times.fields.find((each) => each.pointer === fieldError.pointer && !each.element.hidden)?.setError(fieldError.detail);
  });
  const supplyPeriod = () => request.supplyPeriod(times.read().period !== null);
  supplyPeriod();
  refresh = preview.refresh;
  refresh();
  const typed = /** @type {HTMLInputElement} */ (name.element.querySelector("input"));
  return {
    preview: preview.element,
    element: h("div", { class: "stack" },
      h("section", { class: "card" }, name.element, h("h2", {}, t("schedules.when")), times.element), request.element),
    read: () => ({ name: typed.value.trim(), request: request.read(), ...times.read() }),
    showErrors: (fieldErrors) => {
      const ofRequest = fieldErrors.filter(({ pointer }) => pointer.startsWith("/request"));
      const own = showErrors([name, ...times.fields], fieldErrors.filter((fieldError) => !ofRequest.includes(fieldError)));
      return [...own, ...request.showErrors(ofRequest)];
    },
  };
}
