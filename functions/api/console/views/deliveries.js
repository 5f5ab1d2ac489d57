// View: deliveries to a webhook endpoint.

import { call } from "../lib/api.js";
import { deliveryList } from "../parts/deliveries.js";
import { h, put } from "../lib/dom.js";
import { field, select } from "../forms/fields.js";
import { problemBox } from "../parts/notices.js";
import { pager } from "../parts/pager.js";
import { empty, wayBack } from "../parts/elements.js";
import { go, nameTab } from "../lib/router.js";
import { failingNotice } from "../parts/webhook_health.js";
import { say, t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

const STATUSES = ["PENDING", "DELIVERED", "FAILED"];

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showDeliveries(main, { parameters: [id], query, signal }) {
  const path = `webhook-endpoints/${encodeURIComponent(id)}`;
  const problemArea = h("div");
  const health = h("div");
  const holder = h("div", { class: "card" }, h("p", { class: "soft" }, t("page.loading")));
  const url = h("p", { class: "soft break" });
  const pages = pager(`/webhooks/${id}`, query);
  const parameters = { status: query.status, limit: 25, cursor: pages.cursor };
  const load = async () => (await call("GET", `${path}/deliveries`, { query: parameters, signal })).data;
  const list = deliveryList({
    load, namesReport: true, signal,
    shown: (page) => {
      put(holder, page.items.length > 0 ? list.element : empty(t(query.status ? "deliveries.no-matches" : "deliveries.none")));
      pages.update(page.next, page.items.length);
    },
    failed: (problem) => { put(problemArea, problem && problemBox(problem)); if (problem && !problem.passes) put(holder); },
  });
  const names = Object.fromEntries(STATUSES.map((each) => [each, say("delivery-filter", each)]));
  const status = select(query.status ?? "", { "": t("reports.all"), ...names });
  status.addEventListener("change", () => go(`/webhooks/${id}`, { status: status.value }));
  put(main, wayBack("/webhooks", t("webhooks.title")), h("h1", {}, t("deliveries.title")), url,
    h("div", { class: "filters" }, field("/status", status, { label: t("reports.status") }).element), health, problemArea, holder, zoneHint(), pages.element);
  const { data: endpoint } = await call("GET", path, { signal });
  const name = endpoint.url ?? t("webhooks.callbacks");
  put(url, h("bdi", {}, name));
  nameTab(t("deliveries.title"), name);
  put(health, endpoint.enabled && endpoint.failing && failingNotice(endpoint.lastAttempt));
  list.follow();
}
