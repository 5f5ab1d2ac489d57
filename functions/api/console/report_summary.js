// What the snapshot holds, before the file is fetched: its charts.

import { call } from "./api.js";
import { drawChart } from "./charts.js";
import { h } from "./dom.js";
import { totalsSection } from "./report_facts.js";
import { t } from "./words.js";

/** @param {import("./shapes.js").Report} report @param {AbortSignal} signal */
export async function summarySection(report, signal) {
  const { data } = await call("GET", `reports/${report.id}/summary`, { signal });
  const charts = /** @type {import("./shapes.js").Chart[]} */ (data.charts);
  // While the file is being written the report has no totals yet, but its snapshot has.
  const early = report.totals === null && totalsSection({ ...report, totals: data.totals, balance: data.balance });
  if (charts.length === 0 && !early) return null;
  return h("div", { class: "stack" }, early && h("div", { class: "early" }, early),
    charts.length > 0 && h("section", { class: "card" }, h("h2", {}, t("summary.title")), h("div", { class: "charts" }, charts.map(drawChart))));
}
