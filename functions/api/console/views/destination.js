// View: deliveries to a destination of files.

import { call } from "../lib/api.js";
import { fileDeliveryList } from "../parts/file_deliveries.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { field, select } from "../forms/fields.js";
import { problemBox } from "../parts/notices.js";
import { pager } from "../parts/pager.js";
import { empty, fact, wayBack } from "../parts/elements.js";
import { go, nameTab } from "../lib/router.js";
import { destinationStatus, receiver } from "./destinations.js";
import { say, t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

const STATUSES = ["PENDING", "DELIVERED", "FAILED"];

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showDestination(main, { parameters: [id], query, signal }) {
  const path = `destinations/${encodeURIComponent(id)}`;
  const problemArea = h("div");
  const facts = h("div");
  const holder = h("div", { class: "card" }, h("p", { class: "soft" }, t("page.loading")));
  const pages = pager(`/destinations/${id}`, query);
  const parameters = { status: query.status, limit: 25, cursor: pages.cursor };
  const list = fileDeliveryList({
    load: async () => (await call("GET", `${path}/deliveries`, { query: parameters, signal })).data,
    namesReport: true, signal,
    shown: (page) => {
      put(holder, page.items.length > 0 ? list.element : empty(t(query.status ? "deliveries.no-matches" : "deliveries.none")));
      pages.update(page.next, page.items.length);
    },
    failed: (problem) => { put(problemArea, problem && problemBox(problem)); if (problem && !problem.passes) put(holder); },
  });
  const names = Object.fromEntries(STATUSES.map((each) => [each, say("delivery-filter", each)]));
  const status = select(query.status ?? "", { "": t("reports.all"), ...names });
  status.addEventListener("change", () => go(`/destinations/${id}`, { status: status.value }));
  put(main, wayBack("/destinations", t("destinations.title")), h("h1", {}, t("deliveries.title")), facts,
    h("div", { class: "filters" }, field("/status", status, { label: t("reports.status") }).element), problemArea, holder, zoneHint(), pages.element);
  const { data: destination } = await call("GET", path, { signal });
  nameTab(t("deliveries.title"), destination.name);
  put(facts, h("dl", { class: "facts" },
    fact(t("keys.name"), h("bdi", {}, destination.name)),
    fact(t("destinations.receiver"), receiver(destination)),
    fact(t("destinations.id"), h("code", {}, destination.id)),
    fact(t("webhooks.since"), when(destination.createdAt)),
    destination.encryptFor && fact(t("facts.encrypted-for"), destination.encryptFor.map((each) => h("code", { class: "break" }, `${each} `))),
    fact(t("reports.status"), destinationStatus(destination))));
  list.follow();
}
