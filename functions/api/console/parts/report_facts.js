// Properties and measurements of a report, to compare with the file and the webhook.

import { h } from "../lib/dom.js";
import { describeConditions } from "../words/condition_words.js";
import { describeFilters, labelsOf } from "../words/filter_words.js";
import { amount, bytes, dollars, duration, number, whenExactly } from "../lib/format.js";
import { copyButton } from "./notices.js";
import { describeOptions } from "../forms/option_fields.js";
import { fact, table, titleOf } from "./elements.js";
import { requester } from "./requester.js";
import { splitObjects } from "./split_actions.js";
import { t } from "../words/words.js";

/** @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types */
export function totalsSection(report, types) {
  if (report.totals === null || report.totals.length === 0) return null;
  const [first] = report.totals;
  const hasCurrencies = first.currency !== null;
  const names = Object.keys(first.amounts);
  const headings = names.map((name) => headingOf(types, report.type, name));
  const amounts = !hasCurrencies || names.length === 1 ? [t("totals.amount")] : headings;
  const columns = [{ label: t(hasCurrencies ? "totals.currency" : "totals.column") }, { label: t("totals.rows"), isNumber: true },
    ...amounts.map((label) => ({ label, isNumber: true }))];
  const rows = hasCurrencies
    ? report.totals.map((total) => [total.currency, number(total.rows), ...names.map((name) => amount(total.amounts[name]))])
    : names.map((name, index) => [headings[index], number(first.rows), amount(first.amounts[name])]);
  const title = t(hasCurrencies ? "totals.by-currency" : "totals.title");
  return h("section", { class: "card" }, h("h2", {}, title), table(title, columns, rows),
    report.totalsOmitted > 0 && h("p", { class: "soft" }, t("totals.omitted", { count: number(report.totalsOmitted) })),
    report.balance && h("dl", { class: "facts" },
      fact(t("totals.opening"), amount(report.balance.opening)), fact(t("totals.closing"), amount(report.balance.closing))));
}

/** @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types */
export function controlSection(report, types) {
  if (!report.controlTotals?.length) return null;
  const rows = report.controlTotals.flatMap((total) => [
    ...(total.rows ? [[[total.currency, t("totals.rows")], number(total.rows.report), number(total.rows.control)]] : []),
    ...Object.entries(total.amounts).map(([name, pair]) =>
      [[total.currency, headingOf(types, report.type, name)], amount(pair.report), amount(pair.control)]),
  ]).map(([names, ...figures]) => [names.filter((name) => name !== null).join(" "), ...figures]);
  const title = t(report.error?.code === "control-mismatch" ? "totals.control-differ" : "totals.control-agree");
  const columns = [{ label: t("totals.column") }, { label: t("totals.in-report"), isNumber: true }, { label: t("totals.in-control"), isNumber: true }];
  return h("section", { class: "card" }, h("h2", {}, title), table(title, columns, rows));
}

function headingOf(types, typeName, name) {
  const type = types.find((each) => each.type === typeName);
  return type?.columns.find((column) => column.name === name)?.heading ?? name;
}

/** @param {import("../lib/shapes.js").Report} report @param {import("../lib/shapes.js").ReportType[]} types */
export function factsSection(report, types) {
  const type = types.find((each) => each.type === report.type);
  const heading = (name) => headingOf(types, report.type, name);
  return h("section", { class: "card" }, h("h2", {}, t("facts.title")),
    h("dl", { class: "facts wide" },
      fact(t("facts.id"), h("code", {}, report.id), " ", copyButton(report.id, t("facts.copy-id"))),
      fact(t("facts.type"), titleOf(types, report.type)),
      describeFilters(report.filters, type).map(([label, text]) => fact(label, text)),
      report.splitBy && fact(t("facts.split-by"), labelsOf(report.splitBy, type).join(", ")),
      report.zip && fact(t("split.zip"), t("form.yes")),
      fact(t("facts.columns"), report.columns ? report.columns.map(heading).join(", ") : t("facts.all-columns")),
      report.maskedColumns.length > 0 && fact(t("facts.masked"), report.maskedColumns.map(heading).join(", ")),
      fact(t("facts.locale"), `${report.locale} · ${report.timeZone}`),
      report.onlyIf && fact(t("facts.conditions"), describeConditions(report.onlyIf).join(" · ")),
      describeOptions(report.options ?? {}).map(([label, text]) => fact(label, text)),
      report.pdfEncrypted && fact(t("facts.pdf-password"), t("facts.pdf-encrypted")),
      report.encryptFor && fact(t("facts.encrypted-for"), report.encryptFor.map((id) => h("code", { class: "break" }, `${id} `))),
      report.signedBy && fact(t("facts.signed-by"), h("code", { class: "break" }, report.signedBy)),
      report.callbackUrl && fact(t("form.callback"), h("span", { class: "break" }, report.callbackUrl)),
      report.requestedBy && fact(t("facts.requested-by"), requester(report.requestedBy, report.requestedByName),
        report.requestedByName && [" ", h("code", { class: "soft" }, report.requestedBy)]),
      report.asOf && fact(t("facts.as-of"), whenExactly(report.asOf)),
      report.rows !== null && fact(t("facts.rows"), number(report.rows)),
      splitFacts(report),
      (report.files ?? []).map((file) => hashFact(file.format, file)),
      splitObjects(report).map((object) => hashFact(object.label, object)),
      tookFacts(report)));
}

/** @param {string} name @param {{bytes: number, sha256: string}} file */
function hashFact(name, { bytes: size, sha256 }) {
  return fact(`${name} · ${bytes(size)}`,
    h("span", { class: "soft" }, "SHA-256 "), h("code", { class: "hash" }, sha256), " ", copyButton(sha256, t("facts.copy-hash", { format: name })));
}

/** @param {import("../lib/shapes.js").Report} report */
function splitFacts({ split, finishedAt }) {
  if (split === null || split.keys === null || finishedAt === null) return null;
  return [
    fact(t("facts.files"), number(split.files)),
    split.snapshots > 1 && fact(t("facts.snapshots"), number(split.snapshots)),
  ];
}

function tookFacts(report) {
  const { metrics } = report;
  return [
    report.finishedAt && fact(t("facts.finished"), whenExactly(report.finishedAt)),
    report.expiresAt && fact(t(report.status === "EXPIRED" ? "facts.files-deleted" : "facts.expires"), whenExactly(report.expiresAt)),
    report.filesDeletedBy && fact(t("facts.files-deleted-by"), h("code", { class: "soft" }, report.filesDeletedBy)),
    report.kmsKey && fact(t("facts.kms-key"), h("code", { class: "break" }, report.kmsKey)),
    metrics?.seconds?.generate !== undefined && fact(t("facts.took"),
      [duration(metrics.seconds.generate), t("facts.rows-per-second", { n: number(metrics.rowsPerSecond) }),
        metrics.filesPerSecond && t("facts.files-per-second", { n: number(metrics.filesPerSecond) })].filter(Boolean).join(" · ")),
    report.attempt > 1 && fact(t("facts.attempt"), number(report.attempt)),
    metrics?.costUsd?.total && fact(t("facts.cost"), dollars(metrics.costUsd.total),
      h("details", { class: "api-details" }, h("summary", {}, t("page.details")), h("p", {}, t("cost.dollars", { amount: amount(metrics.costUsd.total) }), " · ", metrics.costUsd.prices))),
  ];
}
