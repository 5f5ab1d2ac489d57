// Dialog that creates or edits a webhook endpoint.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { chip, chosen, field, group, input, showErrors } from "./fields.js";
import { runAction, openDialog, problemBox } from "../parts/notices.js";
import { say, t } from "../words/words.js";

const EVENTS = ["report.ready", "report.failed", "report.cancelled", "report.skipped"];

/**
 * @param {import("../lib/shapes.js").ReportType[]} types
 * @param {import("../lib/shapes.js").Endpoint | null} endpoint to edit; null creates one
 * @param {(saved: any) => void} done is called with the response of the API
 */
export function openEndpointForm(types, endpoint, done) {
  const url = input({ type: "url", inputmode: "url", placeholder: "https://", value: endpoint?.url ?? "" });
  const events = group("/events", EVENTS.map((each) => chip("checkbox", "events", each, say("event", each), endpoint?.events?.includes(each) ?? false)),
    { label: t("webhooks.events"), hint: t("webhooks.events-hint") });
  const kinds = group("/reportTypes", types.map((each) => chip("checkbox", "types", each.type, each.title, endpoint?.reportTypes?.includes(each.type) ?? false)),
    { label: t("webhooks.types"), hint: t("webhooks.types-hint") });
  const fields = [field("/url", url, { label: t("webhooks.url"), hint: t("webhooks.url-hint"), isRequired: true }), events, kinds];
  const orAll = (element) => { const picked = chosen(element); return picked.length > 0 ? picked : null; };
  const read = () => ({
    url: url.value.trim(),
    events: orAll(events.element),
    // A user who cannot read reports is offered no types, so those of the endpoint are kept.
    ...(types.length > 0 ? { reportTypes: orAll(kinds.element) } : {}),
  });
  openDialog(t(endpoint ? "webhooks.edit-title" : "webhooks.add"), (close) => {
    const problemArea = h("div");
    const save = async () => {
      showErrors(fields, []);
      try {
        const { data } = endpoint
          ? await call("PATCH", `webhook-endpoints/${endpoint.id}`, { body: read() })
          : await call("POST", "webhook-endpoints", { body: read() });
        close();
        done(data);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        put(problemArea, problemBox(error, showErrors(fields, error.fieldErrors)));
      }
    };
    const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); runAction(event.submitter, problemArea, save); };
    return [h("form", { onsubmit: send, novalidate: true },
      fields[0].element, events.element, types.length > 0 && kinds.element, problemArea,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, t(endpoint ? "page.save" : "webhooks.save")),
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}
