// Deliveries of a report's files to destinations.

import { call } from "../lib/api.js";
import { fileDeliveryList } from "./file_deliveries.js";
import { h } from "../lib/dom.js";
import { t } from "../words/words.js";

/** Creates the section, which is hidden until a delivery exists. Its problems are not shown. @param {string} id of the report @param {AbortSignal} signal */
export function fileDeliveriesSection(id, signal) {
  const load = async () => (await call("GET", `reports/${encodeURIComponent(id)}/file-deliveries`, { signal })).data;
  const list = fileDeliveryList({ load, namesReport: false, signal, shown: ({ items }) => { section.hidden = items.length === 0; }, failed: () => undefined });
  const section = h("section", { class: "card", hidden: true }, h("h2", {}, t("file-deliveries.of-report")), list.element);
  list.follow();
  return section;
}
