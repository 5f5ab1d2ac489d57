// The webhooks of a report.

import { call } from "./api.js";
import { deliveryList } from "./deliveries.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** @param {string} id of the report @param {AbortSignal} signal */
export async function deliveriesSection(id, signal) {
  const { data } = await call("GET", `reports/${encodeURIComponent(id)}/deliveries`, { signal });
  if (data.items.length === 0) return null;
  return h("section", { class: "card" }, h("h2", {}, t("deliveries.of-report")), deliveryList(data.items, false));
}
