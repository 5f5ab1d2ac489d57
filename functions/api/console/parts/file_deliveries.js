// List of deliveries of files with their files and attempts, and a button to repeat each.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, duration, when } from "../lib/format.js";
import { runAction, toast } from "./notices.js";
import { badge, link, table } from "./elements.js";
import { poll } from "../lib/poll.js";
import { can } from "../lib/session.js";
import { say, t } from "../words/words.js";

/**
 * Creates a list that is updated while any delivery is PENDING.
 * @param {{load: () => Promise<{items: import("../lib/shapes.js").FileDelivery[], next: string | null}>, namesReport: boolean,
 *   signal: AbortSignal, shown: (page: any) => void, failed: (problem: import("../lib/api.js").Problem | null) => void}} options
 *   `namesReport`: whether each delivery has a link to its report
 * @returns {{element: HTMLElement, follow: () => void}} `follow` starts polling
 */
export function fileDeliveryList({ load, namesReport, signal, shown, failed }) {
  const element = h("ul", { class: "deliveries" });
  let polling = new AbortController();
  const follow = () => {
    polling.abort();
    polling = new AbortController();
    let last = "";
    poll(async () => {
      const page = await load();
      const text = JSON.stringify(page);
      const changed = text !== last;
      // An unchanged list is kept, so that it keeps the focus and its items stay expanded.
      if (changed) put(element, page.items.map((each) => item(each, namesReport, follow)));
      last = text;
      shown(page);
      return { again: page.items.some(({ status }) => status === "PENDING"), changed, retryAfter: 2 };
    }, AbortSignal.any([signal, polling.signal]), failed);
  };
  return { element, follow };
}

/** @param {import("../lib/shapes.js").FileDelivery} delivery @param {boolean} namesReport @param {() => void} follow */
function item(delivery, namesReport, follow) {
  const about = delivery.reportId === null ? t("file-deliveries.test")
    : namesReport ? link(`/reports/${delivery.reportId}`, `${t("reports.report")} ${delivery.reportId.slice(0, 8)}`)
      : h("bdi", {}, delivery.destinationName ?? delivery.destinationId);
  return h("li", {},
    h("div", { class: "spread" },
      h("div", {}, h("span", { class: "strong" }, about), " ", badge(delivery.status, say("delivery", delivery.status)),
        h("p", { class: "hint" }, when(delivery.createdAt))),
      can("destinations:manage") && replayButton(delivery, follow)),
    state(delivery),
    delivery.recipients.length > 0 && recipients(delivery),
    delivery.files.length > 0 && files(delivery),
    delivery.attempts.length > 0 && attempts(delivery));
}

function replayButton(delivery, follow) {
  const problemArea = h("div");
  const replay = async () => {
    await call("POST", `file-deliveries/${delivery.id}/replay`);
    follow();
    toast(t("file-deliveries.replayed"));
  };
  return h("div", {}, h("button", {
    type: "button", class: "small", onclick: (event) => runAction(event.currentTarget, problemArea, replay),
    "aria-label": t("file-deliveries.replay-one", { id: delivery.id }),
  }, t("file-deliveries.replay")), problemArea);
}

function state(delivery) {
  const last = delivery.attempts[delivery.attempts.length - 1];
  const why = last?.errorDetail && h("p", { class: "hint" }, h("bdi", {}, last.errorDetail));
  if (delivery.status !== "PENDING" || !last) return delivery.status === "FAILED" && (why || h("p", { class: "hint" }, h("code", {}, delivery.endedReason)));
  return [why, h("p", { class: "hint" }, t("deliveries.next"), " ", when(delivery.nextAttemptAt))];
}

/** Creates the list of the recipients of a delivery by e-mail. */
function recipients(delivery) {
  const columns = [{ label: t("recipients.address") }, { label: t("reports.status") }, { label: t("attempts.answer") }, { label: t("attempts.at") }];
  const rows = delivery.recipients.map((each) => [
    h("bdi", { class: "break" }, each.address), say("recipient", each.status), h("bdi", { class: "break" }, each.detail ?? "–"), when(each.updatedAt),
  ]);
  const title = t("recipients.count", { n: delivery.recipients.length });
  return h("details", {}, h("summary", {}, title, h("span", { class: "screen-reader-only" }, ` ${delivery.id}`)), table(title, columns, rows));
}

function files(delivery) {
  const columns = [{ label: t("file-deliveries.name") }, { label: t("file-deliveries.size"), isNumber: true }, { label: "SHA-256" }];
  const rows = delivery.files.map((file) => [h("bdi", { class: "break" }, file.name), bytes(file.bytes), h("code", { class: "break" }, file.sha256)]);
  const title = t("file-deliveries.files", { n: delivery.filesDelivered });
  return h("details", {}, h("summary", {}, title, h("span", { class: "screen-reader-only" }, ` ${delivery.id}`)), table(title, columns, rows));
}

function attempts(delivery) {
  const columns = [
    { label: t("attempts.number") }, { label: t("attempts.at") }, { label: t("attempts.answer") }, { label: t("attempts.took"), isNumber: true },
  ];
  const rows = delivery.attempts.map((attempt) => [
    String(attempt.attempt), when(attempt.startedAt), attempt.errorDetail ?? (attempt.outcome ? say("file-attempt", attempt.outcome) : t("attempts.under-way")),
    attempt.milliseconds === null ? "–" : duration(attempt.milliseconds / 1000),
  ]);
  const count = delivery.attempts.length;
  return h("details", {}, h("summary", {}, t("attempts.title", { n: count }), h("span", { class: "screen-reader-only" }, ` ${delivery.id}`)),
    table(t("attempts.title", { n: count }), columns, rows));
}
