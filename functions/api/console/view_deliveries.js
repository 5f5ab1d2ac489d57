// One webhook endpoint: what was sent to it.

import { call } from "./api.js";
import { deliveryList } from "./deliveries.js";
import { h, put } from "./dom.js";
import { field, select } from "./fields.js";
import { problemBox } from "./notices.js";
import { empty, pager, wayBack } from "./parts.js";
import { go } from "./router.js";
import { say, t } from "./words.js";

const STATUSES = ["PENDING", "DELIVERED", "FAILED"];

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showDeliveries(main, { parameters: [id], query, signal }) {
  const path = `webhook-endpoints/${encodeURIComponent(id)}`;
  const trouble = h("div");
  const holder = h("div", { class: "card" }, h("p", { class: "soft" }, t("page.loading")));
  const address = h("p", { class: "soft break" });
  let asked = {};
  const load = async () => (await call("GET", `${path}/deliveries`, { query: { status: query.status, limit: 25, ...asked }, signal })).data;
  const list = deliveryList({
    load, namesReport: true, signal,
    shown: (page) => { put(holder, page.items.length > 0 ? list.element : empty(t("deliveries.none"))); pages.update(page.next); },
    failed: (problem) => { put(trouble, problem && problemBox(problem)); if (problem && !problem.passes) put(holder); },
  });
  const pages = pager((page) => { asked = page ?? {}; list.follow(); });
  const names = Object.fromEntries(STATUSES.map((each) => [each, say("status", each)]));
  const status = select(query.status ?? "", { "": t("reports.all"), ...names });
  status.addEventListener("change", () => go(`/webhooks/${id}`, { status: status.value }));
  put(main, wayBack("/webhooks", t("webhooks.title")), h("h1", {}, t("deliveries.title")), address,
    h("div", { class: "filters" }, field("/status", status, { label: t("reports.status") }).element), trouble, holder, pages.element);
  const { data: endpoint } = await call("GET", path, { signal });
  address.textContent = endpoint.url ?? t("webhooks.callbacks");
  list.follow();
}
