// Health of webhook endpoints.

import { h } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { badge } from "./elements.js";
import { say, t } from "../words/words.js";

/** @typedef {import("../lib/shapes.js").Endpoint} Endpoint */

/** Creates the status of an endpoint, with the reason if it is disabled or failing. @param {Endpoint} endpoint */
export function endpointStatus({ enabled, failing, disabledReason, lastAttempt }) {
  if (!enabled) return [badge("DISABLED"), disabledReason && h("span", { class: "hint" }, say("disabled", disabledReason))];
  if (!failing || lastAttempt === null) return badge("ENABLED");
  return [badge("FAILING"), h("span", { class: "hint" }, h("bdi", {}, outcome(lastAttempt)), " · ", when(lastAttempt.startedAt))];
}

/** Creates the notice that the last attempt failed, above the deliveries of an endpoint. @param {NonNullable<Endpoint["lastAttempt"]>} attempt */
export function failingNotice(attempt) {
  return h("div", { class: "notice bad" }, h("p", { class: "strong" }, t("webhooks.failing")),
    h("p", {}, h("bdi", {}, outcome(attempt)), " · ", when(attempt.startedAt)));
}

/** Returns the result of an attempt. @param {{statusCode: number | null, error: string | null}} attempt */
export function outcome({ statusCode, error }) {
  return statusCode === null ? error ?? t("attempts.under-way") : `HTTP ${statusCode}`;
}
