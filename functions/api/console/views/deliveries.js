// One webhook endpoint: what was sent to it.

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
import { zoneNote } from "../lib/zones.js";

const STATUSES = ["PENDING", "DELIVERED", "FAILED"];

/** @param {HTMLElement} main @param {import("../lib/router.js").Place} place */
export async function showDeliveries(main, { parameters: [id], query, signal }) {
  const path = `webhook-endpoints/${encodeURIComponent(id)}`;
  const trouble = h("div");
  const health = h("div");
  const holder = h("div", { class: "card" }, h("p", { class: "soft" }, t("page.loading")));
  const address = h("p", { class: "soft break" });
  const pages = pager(`/webhooks/${id}`, query);
  const asked = { status: query.status, limit: 25, cursor: pages.cursor };
  const load = async () => (await call("GET", `${path}/deliveries`, { query: asked, signal })).data;
  const list = deliveryList({
    load, namesReport: true, signal,
    shown: (page) => {
      put(holder, page.items.length > 0 ? list.element : empty(t(query.status ? "deliveries.none-such" : "deliveries.none")));
      pages.update(page.next, page.items.length);
    },
    failed: (problem) => { put(trouble, problem && problemBox(problem)); if (problem && !problem.passes) put(holder); },
  });
  const names = Object.fromEntries(STATUSES.map((each) => [each, say("delivery-filter", each)]));
  const status = select(query.status ?? "", { "": t("reports.all"), ...names });
  status.addEventListener("change", () => go(`/webhooks/${id}`, { status: status.value }));
  put(main, wayBack("/webhooks", t("webhooks.title")), h("h1", {}, t("deliveries.title")), address,
    h("div", { class: "filters" }, field("/status", status, { label: t("reports.status") }).element), health, trouble, holder, zoneNote(), pages.element);
  const { data: endpoint } = await call("GET", path, { signal });
  const name = endpoint.url ?? t("webhooks.callbacks");
  put(address, h("bdi", {}, name));
  nameTab(t("deliveries.title"), name);
  put(health, endpoint.enabled && endpoint.failing && failingNotice(endpoint.lastAttempt));
  list.follow();
}
