// List of webhook deliveries with their attempts, and a button to resend each.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { duration, when } from "../lib/format.js";
import { runAction, toast } from "./notices.js";
import { badge, link, table } from "./elements.js";
import { poll } from "../lib/poll.js";
import { can } from "../lib/session.js";
import { outcome } from "./webhook_health.js";
import { say, t } from "../words/words.js";

/**
 * Creates a list that is updated while any delivery is PENDING.
 * @param {{load: () => Promise<{items: import("../lib/shapes.js").Delivery[], next: string | null}>, namesReport: boolean,
 *   signal: AbortSignal, shown: (page: any) => void, failed: (problem: import("../lib/api.js").Problem | null) => void}} options
 *   `namesReport`: whether each delivery has a link to its report
 * @returns {{element: HTMLElement, follow: () => void}} `follow` starts polling
 */
export function deliveryList({ load, namesReport, signal, shown, failed }) {
  const element = h("ul", { class: "deliveries" });
  /** @type {Map<string, {text: string, item: HTMLElement}>} */
  let shownItems = new Map();
  let polling = new AbortController();
  const update = (/** @type {import("../lib/shapes.js").Delivery} */ delivery) => {
    const key = `${delivery.eventId} ${delivery.endpointId}`;
    const text = JSON.stringify(delivery);
    const before = shownItems.get(key);
    // An unchanged item is reused, so that it keeps the focus and stays expanded.
    return [key, before?.text === text ? before : { text, item: item(delivery, namesReport, follow, isExpanded(before?.item)) }];
  };
  const follow = () => {
    polling.abort();
    polling = new AbortController();
    let last = "";
    poll(async () => {
      const page = await load();
      const text = JSON.stringify(page);
      const changed = text !== last;
      last = text;
      shownItems = new Map(page.items.map(update));
      const items = [...shownItems.values()].map((each) => each.item);
      if (items.some((each, index) => element.children[index] !== each) || items.length !== element.children.length) put(element, items);
      shown(page);
      return { again: page.items.some(({ status }) => status === "PENDING"), changed, retryAfter: 2 };
    }, AbortSignal.any([signal, polling.signal]), failed);
  };
  return { element, follow };
}

function isExpanded(/** @type {HTMLElement | undefined} */ item) {
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

/** Returns the badge of a delivery. It shows whether a PENDING delivery is being retried. @param {import("../lib/shapes.js").Delivery} delivery */
function deliveryBadge({ status, attempts }) {
  const last = attempts[attempts.length - 1];
  const isRetrying = status === "PENDING" && last !== undefined && last.milliseconds !== null;
  return isRetrying ? badge("RETRYING") : badge(status, say("delivery", status));
}

function reportLink(id) {
  return link(`/reports/${id}`, `${t("reports.report")} ${id.slice(0, 8)}`);
}

function replayButton(delivery, follow) {
  const problemArea = h("div");
  const replay = async () => {
    const path = `webhook-deliveries/${delivery.eventId}/${delivery.endpointId}/replay`;
    await call("POST", path);
    follow();
    toast(t("deliveries.replayed"));
  };
  return h("div", {}, h("button", {
    type: "button", class: "small", onclick: (event) => runAction(event.currentTarget, problemArea, replay),
    "aria-label": t("deliveries.replay-one", { id: delivery.eventId }),
  }, t("deliveries.replay")), problemArea);
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
  return h("details", { open: isOpen }, h("summary", {}, t("attempts.title", { n: count }), h("span", { class: "screen-reader-only" }, ` ${delivery.eventId}`)),
    h("p", { class: "hint break" }, h("code", {}, delivery.eventId)), table(t("attempts.title", { n: count }), columns, rows));
}
