// Summary of a report: the charts of its snapshot.

import { call } from "../lib/api.js";
import { drawChart } from "./charts.js";
import { h } from "../lib/dom.js";
import { totalsSection } from "./report_facts.js";
import { apiLocale, t } from "../words/words.js";

/**
 * @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types
 * @param {AbortSignal} signal
 */
export async function summarySection(report, types, signal) {
  const { data } = await call("GET", `reports/${report.id}/summary`, { query: { locale: apiLocale() }, signal });
  const hasCurrencies = data.totals.some((total) => total.currency !== null);
  const charts = /** @type {import("../lib/shapes.js").Chart[]} */ (data.charts);
  // While the files are written, the totals of the snapshot are shown, because the report does not have its own yet.
  const early = report.totals === null && totalsSection({ ...report, totals: data.totals, balance: data.balance }, types);
  if (data.rows === 0) return null; // noRows shows that the report is empty
  if (charts.length === 0 && !early) return null;
  return h("div", { class: "stack" }, early && h("div", { class: "early" }, early),
    charts.length > 0 && h("section", { class: "card" }, h("h2", {}, t("summary.title")), h("div", { class: "charts" }, charts.map((chart) => drawChart(chart, hasCurrencies)))));
}
