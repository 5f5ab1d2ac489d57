// Registering a webhook endpoint.

import { call, Problem } from "./api.js";
import { h, put } from "./dom.js";
import { chip, chosen, field, group, input, showFaults } from "./fields.js";
import { during, openDialog, problemBox } from "./notices.js";
import { say, t } from "./words.js";

const EVENTS = ["report.ready", "report.failed", "report.cancelled"];

/**
 * @param {import("./shapes.js").ReportType[]} types
 * @param {(made: import("./shapes.js").Endpoint & {secret: string}) => void} done
 */
export function openEndpointForm(types, done) {
  const url = input({ type: "url", inputmode: "url", placeholder: "https://" });
  const events = group("/events", EVENTS.map((each) => chip("checkbox", "events", each, say("event", each), false)),
    { label: t("webhooks.events"), hint: t("webhooks.events-hint") });
  const kinds = group("/reportTypes", types.map((each) => chip("checkbox", "types", each.type, each.title, false)),
    { label: t("webhooks.types"), hint: t("webhooks.types-hint") });
  const fields = [field("/url", url, { label: t("webhooks.url"), hint: t("webhooks.url-hint"), isRequired: true }), events, kinds];
  const orAll = (element) => { const picked = chosen(element); return picked.length > 0 ? picked : null; };
  openDialog(t("webhooks.add"), (close) => {
    const trouble = h("div");
    const save = async () => {
      showFaults(fields, []);
      const body = { url: url.value.trim(), events: orAll(events.element), reportTypes: orAll(kinds.element) };
      try {
        const { data } = await call("POST", "webhook-endpoints", { body });
        close();
        done(data);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        put(trouble, problemBox(error, showFaults(fields, error.faults)));
      }
    };
    const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); during(event.submitter, trouble, save); };
    return [h("form", { onsubmit: send, novalidate: true },
      fields[0].element, events.element, types.length > 0 && kinds.element, trouble,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, t("webhooks.save")),
        h("button", { type: "button", onclick: close }, t("page.back"))))];
  });
}
