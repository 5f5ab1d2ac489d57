// Deliveries of webhooks, each with its attempts, and sending one again.

import { call } from "./api.js";
import { h, put } from "./dom.js";
import { duration, when } from "./format.js";
import { during, toast } from "./notices.js";
import { badge, link, table } from "./parts.js";
import { can } from "./session.js";
import { say, t } from "./words.js";

/**
 * @param {import("./shapes.js").Delivery[]} deliveries
 * @param {boolean} namesReport whether each says which report it is of
 */
export function deliveryList(deliveries, namesReport) {
  return h("ul", { class: "deliveries" }, deliveries.map((delivery) => item(delivery, namesReport)));
}

/** @param {import("./shapes.js").Delivery} delivery @param {boolean} namesReport */
function item(delivery, namesReport) {
  const element = h("li", {});
  const draw = (/** @type {import("./shapes.js").Delivery} */ now) => put(element,
    h("div", { class: "spread" },
      h("div", {}, h("span", { class: "strong" }, say("event", now.event)), " ", badge(now.status),
        h("p", { class: "hint break" }, namesReport ? link(`/reports/${now.reportId}`, t("deliveries.report")) : now.url, " · ", when(now.createdAt))),
      can("webhooks:manage") && replayButton(now, draw)),
    state(now),
    now.attempts.length > 0 && attempts(now));
  draw(delivery);
  return element;
}

function replayButton(delivery, draw) {
  const trouble = h("div");
  const replay = async () => {
    const path = `webhook-deliveries/${delivery.eventId}/${delivery.endpointId}/replay`;
    const { data } = await call("POST", path);
    draw(data);
    toast(t("deliveries.replayed"));
  };
  return h("div", {}, h("button", {
    type: "button", class: "small", onclick: (event) => during(event.currentTarget, trouble, replay),
    "aria-label": t("deliveries.replay-one", { id: delivery.eventId }),
  }, t("deliveries.replay")), trouble);
}

function state(delivery) {
  if (delivery.status === "FAILED" && delivery.endedReason) return h("p", { class: "hint" }, say("ended", delivery.endedReason));
  if (delivery.status === "PENDING") return h("p", { class: "hint" }, t("deliveries.next"), " ", when(delivery.nextAttemptAt));
  return null;
}

function attempts(delivery) {
  const columns = [
    { label: t("attempts.number") }, { label: t("attempts.at") }, { label: t("attempts.answer") }, { label: t("attempts.took"), isNumber: true },
  ];
  const rows = delivery.attempts.map((attempt) => [
    String(attempt.attempt), when(attempt.startedAt), attempt.statusCode ?? attempt.error ?? t("attempts.under-way"),
    attempt.milliseconds === null ? "–" : duration(attempt.milliseconds / 1000),
  ]);
  const count = delivery.attempts.length;
  return h("details", {}, h("summary", {}, t("attempts.title", { n: count }), h("span", { class: "for-ears" }, ` ${delivery.eventId}`)),
    h("p", { class: "hint break" }, h("code", {}, delivery.eventId)), table(t("attempts.title", { n: count }), columns, rows));
}
