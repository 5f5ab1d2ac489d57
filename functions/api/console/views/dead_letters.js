// View: dead letters, which are reports that failed on their last attempt.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { number, when } from "../lib/format.js";
import { confirmAction, detailsOf, toast } from "../parts/notices.js";
import { pager } from "../parts/pager.js";
import { empty, link, loadTypes, named, table, titleOf } from "../parts/elements.js";
import { can } from "../lib/session.js";
import { failureWords } from "../parts/report_notices.js";
import { many, t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showDeadLetters(main, { query, signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const all = h("div");
  put(main, h("div", { class: "spread" }, h("h1", {}, t("dead.title")), all), h("p", { class: "soft" }, t("dead.about")), list);
  const types = can("reports:read") ? await loadTypes() : [];
  const pages = pager("/dead-letters", query);
  const refresh = async () => {
    const { data } = await call("GET", "dead-letters", { query: { limit: 25, cursor: pages.cursor }, signal });
    put(list, data.items.length > 0 ? [letters(data.items, types, refresh), zoneHint()] : empty(t("dead.none")));
    put(all, data.items.length > 0 && h("button", { type: "button", onclick: () => confirmRedriveAll(refresh) }, t("dead.redrive-all")));
    pages.update(data.next, data.items.length);
  };
  main.append(pages.element);
  await refresh();
}

function letters(items, types, refresh) {
  const columns = [
    { label: t("reports.report") }, { label: t("dead.error") }, { label: t("dead.attempts"), isNumber: true },
    { label: t("dead.failed-at") }, { label: t("page.actions"), isPlain: true },
  ];
  return table(t("dead.title"), columns, items.map((/** @type {import("../lib/shapes.js").DeadLetter} */ letter) => [
    [link(`/reports/${letter.reportId}`, named(letter.title ?? titleOf(types, letter.type))),
      h("span", { class: "hint" }, `${letter.title ? `${titleOf(types, letter.type)} · ` : ""}${letter.formats.join(", ")} · ${letter.reportId.slice(0, 8)}`)],
    [failureWords(letter.error.code), detailsOf(letter.error.detail, letter.error.code)],
    [number(letter.attempts), letter.redrives > 0 && h("span", { class: "hint" }, many("dead.redrives", letter.redrives))],
    when(letter.deadLetteredAt),
    h("button", { type: "button", class: "small", onclick: () => confirmRedrive(letter, refresh), "aria-label": `${t("dead.redrive")}: ${letter.title ?? letter.reportId}` }, t("dead.redrive")),
  ]));
}

const reason = () => ({ label: t("dead.reason"), hint: t("dead.reason-hint") });
const bodyOf = (/** @type {string} */ typed) => ({ reason: typed || null });

function confirmRedrive(letter, refresh) {
  confirmAction({
    title: t("dead.redrive-title"), text: t("dead.redrive-text"), button: t("dead.redrive"), field: reason(),
    act: async (typed) => {
      await call("POST", `dead-letters/${letter.reportId}/redrive`, { body: bodyOf(typed) });
      await refresh();
      toast(many("dead.redriven", 1));
    },
  });
}

function confirmRedriveAll(refresh) {
  confirmAction({
    title: t("dead.redrive-all-title"), text: t("dead.redrive-all-text"), button: t("dead.redrive-all"), field: reason(),
    act: async (typed) => {
      const { data } = await call("POST", "dead-letters/redrive", { body: bodyOf(typed) });
      await refresh();
      toast(many("dead.redriven", data.redriven, number(data.redriven)));
    },
  });
}
