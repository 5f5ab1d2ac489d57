// Dead letters: reports that were given up after their last attempt, and sending them on their way again.

import { call } from "./api.js";
import { h, put } from "./dom.js";
import { number, when } from "./format.js";
import { ask, detailsOf, problemBox, toast } from "./notices.js";
import { empty, link, loadTypes, pager, table, titleOf } from "./parts.js";
import { can } from "./session.js";
import { failureWords } from "./view_report.js";
import { many, t } from "./words.js";

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showDeadLetters(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const all = h("div");
  put(main, h("div", { class: "spread" }, h("h1", {}, t("dead.title")), all), h("p", { class: "soft" }, t("dead.about")), list);
  const types = can("reports:read") ? await loadTypes() : [];
  const show = async (page) => {
    const { data } = await call("GET", "dead-letters", { query: { limit: 25, ...page }, signal });
    put(list, data.items.length > 0 ? letters(data.items, types, refresh) : empty(t("dead.none")));
    put(all, data.items.length > 0 && h("button", { type: "button", onclick: () => askForAll(refresh) }, t("dead.redrive-all")));
    pages.update(data.next);
  };
  const refresh = () => show(null);
  const pages = pager((page) => show(page).catch((problem) => put(list, problemBox(problem))));
  main.append(pages.element);
  await refresh();
}

function letters(items, types, refresh) {
  const columns = [
    { label: t("reports.report") }, { label: t("dead.error") }, { label: t("dead.attempts"), isNumber: true },
    { label: t("dead.given-up") }, { label: t("page.actions") },
  ];
  return table(t("dead.title"), columns, items.map((/** @type {import("./shapes.js").DeadLetter} */ letter) => [
    [link(`/reports/${letter.reportId}`, titleOf(types, letter.type)), h("span", { class: "hint" }, `${letter.formats.join(", ")} · ${letter.reportId.slice(0, 8)}`)],
    [failureWords(letter.error.code), detailsOf(letter.error.detail, letter.error.code)],
    [number(letter.attempts), letter.redrives > 0 && h("span", { class: "hint" }, many("dead.redrives", letter.redrives))],
    when(letter.deadLetteredAt),
    h("button", { type: "button", class: "small", onclick: () => askForOne(letter, refresh), "aria-label": `${t("dead.redrive")}: ${letter.reportId}` }, t("dead.redrive")),
  ]));
}

const reason = () => ({ label: t("dead.reason"), hint: t("dead.reason-hint") });
const bodyOf = (/** @type {string} */ typed) => ({ reason: typed || null });

function askForOne(letter, refresh) {
  ask({
    title: t("dead.redrive"), text: t("dead.redrive-text"), button: t("dead.redrive"), field: reason(),
    act: async (typed) => {
      await call("POST", `dead-letters/${letter.reportId}/redrive`, { body: bodyOf(typed) });
      await refresh();
      toast(many("dead.redriven", 1));
    },
  });
}

function askForAll(refresh) {
  ask({
    title: t("dead.redrive-all"), text: t("dead.redrive-all-text"), button: t("dead.redrive-all"), field: reason(),
    act: async (typed) => {
      const { data } = await call("POST", "dead-letters/redrive", { body: bodyOf(typed) });
      await refresh();
      toast(many("dead.redriven", data.redriven, number(data.redriven)));
    },
  });
}
