// Making a schedule, or changing one, with its next runs beside the form.

import { call, Problem } from "./api.js";
import { h, put } from "./dom.js";
import { field, input, showFaults } from "./fields.js";
import { during, problemBox } from "./notices.js";
import { loadTypes, wayBack } from "./parts.js";
import { requestForm } from "./request_form.js";
import { go } from "./router.js";
import { scheduleFields } from "./schedule_fields.js";
import { livePreview } from "./schedule_preview.js";
import { t } from "./words.js";

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showScheduleForm(main, { parameters: [id], signal }) {
  const holder = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  put(main, wayBack("/schedules", t("schedules.title")), h("h1", {}, t(id ? "schedules.edit" : "schedules.new")), holder);
  const types = await loadTypes();
  const draft = id ? (await call("GET", `schedules/${encodeURIComponent(id)}`, { signal })).data : {};
  const form = scheduleForm(types, draft, signal);
  const trouble = h("div");
  const save = async () => {
    form.showFaults([]);
    try {
      const { data } = id
        ? await call("PATCH", `schedules/${encodeURIComponent(id)}`, { body: form.read() })
        : await call("POST", "schedules", { body: form.read() });
      go(`/schedules/${data.id}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const left = form.showFaults(error.faults);
      put(trouble, problemBox(error, left));
      if (error.faults.length === 0 || left.length > 0) /** @type {HTMLElement} */ (trouble.firstElementChild).focus();
    }
  };
  const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); during(event.submitter, trouble, save); };
  put(holder, h("form", { class: "ask", onsubmit: send, novalidate: true }, form.element,
    h("aside", { class: "side", "aria-label": t("preview.title") }, form.preview, trouble,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary wide" }, t("schedules.save"))))));
}

function scheduleForm(types, draft, signal) {
  const name = field("/name", input({ value: draft.name ?? "", maxlength: 100 }), { label: t("schedules.name"), isRequired: true });
  const request = requestForm(types, { timeZone: draft.timeZone, ...draft.request }, () => undefined);
  const times = scheduleFields(draft, () => { preview.refresh(); supplyPeriod(); });
  const preview = livePreview(times.read, signal, (faults) => {
    for (const each of times.fields) each.setFault(null);
    for (const fault of faults) times.fields.find((each) => each.pointer === fault.pointer && !each.element.hidden)?.setFault(fault.detail);
  });
  const supplyPeriod = () => request.supplyPeriod(times.read().period !== null);
  supplyPeriod();
  preview.refresh();
  const typed = /** @type {HTMLInputElement} */ (name.element.querySelector("input"));
  return {
    preview: preview.element,
    element: h("div", { class: "stack" },
      h("section", { class: "card" }, name.element, h("h2", {}, t("schedules.when")), times.element), request.element),
    read: () => ({ name: typed.value.trim(), request: request.read(), ...times.read() }),
    showFaults: (faults) => {
      const ofRequest = faults.filter(({ pointer }) => pointer.startsWith("/request"));
      const own = showFaults([name, ...times.fields], faults.filter((fault) => !ofRequest.includes(fault)));
      return [...own, ...request.showFaults(ofRequest)];
    },
  };
}
