// Webhook deliveries of a report.

import { call } from "../lib/api.js";
import { deliveryList } from "./deliveries.js";
import { h } from "../lib/dom.js";
import { t } from "../words/words.js";

/** Creates the section, which is hidden until a delivery exists. Its problems are not shown. @param {string} id of the report @param {AbortSignal} signal */
export function deliveriesSection(id, signal) {
  const load = async () => (await call("GET", `reports/${encodeURIComponent(id)}/deliveries`, { signal })).data;
  const list = deliveryList({ load, namesReport: false, signal, shown: ({ items }) => { section.hidden = items.length === 0; }, failed: () => undefined });
  const section = h("section", { class: "card", hidden: true }, h("h2", {}, t("deliveries.of-report")), list.element);
  list.follow();
  return section;
}
