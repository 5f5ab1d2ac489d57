// Suppressed addresses: no e-mail is sent to them until a user removes them.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { runAction, toast } from "./notices.js";
import { table } from "./elements.js";
import { partPager } from "./pager.js";
import { say, t } from "../words/words.js";

const PAGE = 25;

/** Creates the section, which is hidden while there is no such address. @param {AbortSignal} signal */
export async function suppressedAddresses(signal) {
  const content = h("div");
  const problemArea = h("div");
  const show = async (/** @type {Object<string, string> | null} */ query) => {
    const { data } = await call("GET", "suppressed-addresses", { query: query ?? { limit: String(PAGE) }, signal });
    section.hidden = query === null && data.items.length === 0;
    put(content, addresses(data.items));
    pages.update(data.next, data.items.length);
  };
  const remove = (address) => async () => {
    await call("DELETE", "suppressed-addresses", { query: { address } });
    pages.reset();
    await show(null);
    toast(t("suppressed.removed", { address }));
  };
  const addresses = (/** @type {import("../lib/shapes.js").SuppressedAddress[]} */ items) => {
    const columns = [
      { label: t("recipients.address") }, { label: t("suppressed.reason") }, { label: t("attempts.answer") }, { label: t("suppressed.since") },
      { label: t("page.actions"), isPlain: true },
    ];
    return table(t("suppressed.title"), columns, items.map(({ address, reason, detail, suppressedAt }) => [
      h("bdi", { class: "break" }, address), say("suppressed", reason), h("bdi", { class: "break" }, detail ?? "–"), when(suppressedAt),
      h("button", {
        type: "button", class: "quiet small", "aria-label": `${t("suppressed.remove")}: ${address}`,
        onclick: (event) => runAction(event.currentTarget, problemArea, remove(address)),
      }, t("suppressed.remove")),
    ]));
  };
  const pages = partPager(show);
  const section = h("section", { class: "card below", hidden: true }, h("h2", {}, t("suppressed.title")),
    h("p", { class: "soft" }, t("suppressed.about")), problemArea, content, pages.element);
  await show(null);
  return section;
}
