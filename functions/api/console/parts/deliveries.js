// Deliveries of webhooks, each with its attempts, and sending one again.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { duration, when } from "../lib/format.js";
import { during, toast } from "./notices.js";
import { badge, link, table } from "./elements.js";
import { poll } from "../lib/poll.js";
import { can } from "../lib/session.js";
import { outcome } from "./webhook_health.js";
import { say, t } from "../words/words.js";

/**
 * A list that is kept up to date while any delivery has an attempt before it.
 * @param {{load: () => Promise<{items: import("../lib/shapes.js").Delivery[], next: string | null}>, namesReport: boolean,
 *   signal: AbortSignal, shown: (page: any) => void, failed: (problem: import("../lib/api.js").Problem | null) => void}} options
 *   `namesReport`: whether each says which report it is of
 * @returns {{element: HTMLElement, follow: () => void}} `follow` asks, at once and again
 */
export function deliveryList({ load, namesReport, signal, shown, failed }) {
  const element = h("ul", { class: "deliveries" });
  /** @type {Map<string, {text: string, item: HTMLElement}>} */
  let kept = new Map();
  let round = new AbortController();
  const keep = (/** @type {import("../lib/shapes.js").Delivery} */ delivery) => {
    const key = `${delivery.eventId} ${delivery.endpointId}`;
    const text = JSON.stringify(delivery);
    const before = kept.get(key);
    // What has not changed stays as it is, with the keyboard and what is unfolded.
    return [key, before?.text === text ? before : { text, item: item(delivery, namesReport, follow, isUnfolded(before?.item)) }];
  };
  const follow = () => {
    round.abort();
    round = new AbortController();
    let last = "";
    poll(async () => {
      const page = await load();
      const text = JSON.stringify(page);
      const changed = text !== last;
      last = text;
      kept = new Map(page.items.map(keep));
      const items = [...kept.values()].map((each) => each.item);
      if (items.some((each, index) => element.children[index] !== each) || items.length !== element.children.length) put(element, items);
      shown(page);
      return { again: page.items.some(({ status }) => status === "PENDING"), changed, retryAfter: 2 };
    }, AbortSignal.any([signal, round.signal]), failed);
  };
  return { element, follow };
}

function isUnfolded(/** @type {HTMLElement | undefined} */ item) {
  return item?.querySelector("details")?.open ?? false;
}

/** @param {import("../lib/shapes.js").Delivery} delivery @param {boolean} namesReport @param {() => void} follow @param {boolean} isOpen */
function item(delivery, namesReport, follow, isOpen) {
  return h("li", {},
    h("div", { class: "spread" },
      h("div", {}, h("span", { class: "strong" }, say("event", delivery.event)), " ", deliveryBadge(delivery),
        h("p", { class: "hint break" }, namesReport ? reportLink(delivery.reportId) : delivery.url, " · ", when(delivery.createdAt))),
      can("webhooks:manage") && replayButton(delivery, follow)),
    state(delivery),
    delivery.attempts.length > 0 && attempts(delivery, isOpen));
}

/** A delivery that has failed and will be tried again says so. @param {import("../lib/shapes.js").Delivery} delivery */
function deliveryBadge({ status, attempts }) {
  const last = attempts[attempts.length - 1];
  const isRetrying = status === "PENDING" && last !== undefined && last.milliseconds !== null;
  return isRetrying ? badge("RETRYING") : badge(status, say("delivery", status));
}

function reportLink(id) {
  return link(`/reports/${id}`, `${t("reports.report")} ${id.slice(0, 8)}`);
}

function replayButton(delivery, follow) {
  const trouble = h("div");
  const replay = async () => {
    const path = `webhook-deliveries/${delivery.eventId}/${delivery.endpointId}/replay`;
    await call("POST", path);
    follow();
    toast(t("deliveries.replayed"));
  };
  return h("div", {}, h("button", {
    type: "button", class: "small", onclick: (event) => during(event.currentTarget, trouble, replay),
    "aria-label": t("deliveries.replay-one", { id: delivery.eventId }),
  }, t("deliveries.replay")), trouble);
}

function state(delivery) {
  if (delivery.status === "FAILED" && delivery.endedReason) return h("p", { class: "hint" }, say("ended", delivery.endedReason));
  const last = delivery.attempts[delivery.attempts.length - 1];
  const why = last !== undefined && last.milliseconds !== null && [h("bdi", {}, outcome(last)), " · "];
  if (delivery.status === "PENDING") return h("p", { class: "hint" }, why, t("deliveries.next"), " ", when(delivery.nextAttemptAt));
  return null;
}

function attempts(delivery, isOpen) {
  const columns = [
    { label: t("attempts.number") }, { label: t("attempts.at") }, { label: t("attempts.answer") }, { label: t("attempts.took"), isNumber: true },
  ];
  const rows = delivery.attempts.map((attempt) => [
    String(attempt.attempt), when(attempt.startedAt), outcome(attempt),
    attempt.milliseconds === null ? "–" : duration(attempt.milliseconds / 1000),
  ]);
  const count = delivery.attempts.length;
  return h("details", { open: isOpen }, h("summary", {}, t("attempts.title", { n: count }), h("span", { class: "for-ears" }, ` ${delivery.eventId}`)),
    h("p", { class: "hint break" }, h("code", {}, delivery.eventId)), table(t("attempts.title", { n: count }), columns, rows));
}
