// Access log of a report: who requested, downloaded and held it, and where its files and webhooks about it went.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { problemBox } from "./notices.js";
import { badge, table } from "./elements.js";
import { partPager } from "./pager.js";
import { requester } from "./requester.js";
import { say, t } from "../words/words.js";

const PAGE = 25;

/** Creates the section. The log is loaded when it is expanded. @param {string} id of the report @param {AbortSignal} signal */
export function accessSection(id, signal) {
  const content = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const show = async (/** @type {Object<string, string> | null} */ query) => {
    try {
      const { data } = await call("GET", `reports/${encodeURIComponent(id)}/access`, { query: query ?? { limit: String(PAGE) }, signal });
      put(content, entriesTable(data.items));
      pages.update(data.next, data.items.length);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      put(content, problemBox(error));
    }
  };
  const pages = partPager(show);
  pages.element.hidden = true;
  const details = h("details", { ontoggle: () => { if (details.open) { pages.reset(); show(null); } } },
    h("summary", {}, t("access.show")), content, pages.element);
  return h("section", { class: "card" }, h("h2", {}, t("access.title")), details);
}

/** @param {import("../lib/shapes.js").AccessEntry[]} entries */
function entriesTable(entries) {
  const columns = ["access.at", "access.action", "access.who", "access.ip", "access.what", "access.outcome"].map((key) => ({ label: t(key) }));
  const rows = entries.map((entry) => [
    when(entry.occurredAt), say("access-action", entry.action), h("span", { class: "break" }, who(entry)), entry.ipAddress ?? "–",
    what(entry), badge(entry.outcome, say("access-outcome", entry.outcome)),
  ]);
  return table(t("access.title"), columns, rows);
}

/** @param {import("../lib/shapes.js").AccessEntry} entry */
function who({ subject, keyName, destinationId, destinationName }) {
  return requester(subject, subject === `destination:${destinationId}` ? destinationName : keyName);
}

/** @param {import("../lib/shapes.js").AccessEntry} entry */
function what({ format, url, secretVersion, statusCode, destinationId, destinationName, fileName, recipient, detail }) {
  const parts = [format, url, destinationName ?? destinationId, fileName, recipient, secretVersion !== null && t("access.secret", { version: secretVersion }), statusCode !== null && `HTTP ${statusCode}`, detail];
  return h("span", { class: "break" }, parts.filter(Boolean).join(" · ") || "–");
}
