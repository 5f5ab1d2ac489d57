// What a report is and what it took, to be compared with the file and the webhook.

import { h } from "./dom.js";
import { amount, bytes, day, dollars, duration, moment, number, when } from "./format.js";
import { copyButton } from "./notices.js";
import { fact, table, titleOf } from "./parts.js";
import { t } from "./words.js";

/** @param {import("./shapes.js").Report} report */
export function totalsSection(report) {
  if (report.totals === null || report.totals.length === 0) return null;
  const columns = [{ label: t("totals.currency") }, { label: t("totals.rows"), isNumber: true }, { label: t("totals.amount"), isNumber: true }];
  const rows = report.totals.map((total) => [total.currency, number(total.rows), amount(total.amount)]);
  return h("section", { class: "card" }, h("h2", {}, t("totals.title")), table(t("totals.title"), columns, rows),
    report.balance && h("dl", { class: "facts" },
      fact(t("totals.opening"), amount(report.balance.opening)), fact(t("totals.closing"), amount(report.balance.closing))));
}

/** @param {import("./shapes.js").Report} report @param {import("./shapes.js").ReportType[]} types */
export function factsSection(report, types) {
  const type = types.find((each) => each.type === report.type);
  const heading = (name) => type?.columns.find((column) => column.name === name)?.heading ?? name;
  return h("section", { class: "card" }, h("h2", {}, t("facts.title")),
    h("dl", { class: "facts wide" },
      fact(t("facts.id"), h("code", {}, report.id), " ", copyButton(report.id, t("facts.copy-id"))),
      fact(t("facts.type"), titleOf(types, report.type)),
      filterFacts(report, type),
      fact(t("facts.columns"), report.columns ? report.columns.map(heading).join(", ") : t("facts.all-columns")),
      report.maskedColumns.length > 0 && fact(t("facts.masked"), report.maskedColumns.map(heading).join(", ")),
      fact(t("facts.locale"), `${report.locale} · ${report.timeZone}`),
      report.asOf && fact(t("facts.as-of"), h("time", { datetime: report.asOf }, `${moment(report.asOf, "UTC")} UTC`)),
      report.rows !== null && fact(t("facts.rows"), number(report.rows)),
      report.rows !== null && fact(t("facts.truncated"), t("form.no")),
      (report.files ?? []).map((file) => fact(`${file.format} · ${bytes(file.bytes)}`,
        h("span", { class: "soft" }, "SHA-256 "), h("code", { class: "hash" }, file.sha256), " ", copyButton(file.sha256, t("facts.copy-hash", { format: file.format })))),
      tookFacts(report)));
}

function filterFacts(report, type) {
  return Object.entries(report.filters).map(([name, value]) => {
    const item = type?.filters.properties[name];
    const shown = Array.isArray(value) ? value.join(", ") : item?.format === "date" ? day(value) : String(value);
    return fact(item?.title ?? name, shown);
  });
}

function tookFacts(report) {
  const { metrics } = report;
  return [
    report.finishedAt && fact(t("facts.finished"), when(report.finishedAt)),
    metrics?.seconds?.generate !== undefined && fact(t("facts.took"),
      `${duration(metrics.seconds.generate)} · ${t("facts.rows-a-second", { n: number(metrics.rowsPerSecond) })}`),
    report.attempt > 1 && fact(t("facts.attempt"), number(report.attempt)),
    metrics?.costUsd?.total && fact(t("facts.cost"), dollars(metrics.costUsd.total), h("span", { class: "hint" }, metrics.costUsd.prices)),
  ];
}
