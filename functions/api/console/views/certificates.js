// View: OpenPGP certificates that files are encrypted for.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { confirmAction, runAction, toast } from "../parts/notices.js";
import { badge, empty, named, table } from "../parts/elements.js";
import { openCertificateForm } from "../forms/certificate_form.js";
import { t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @typedef {import("../lib/shapes.js").Certificate} Certificate */

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showCertificates(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const problemArea = h("div");
  const refresh = async () => {
    const { data } = await call("GET", "certificates", { signal });
    put(list, data.items.length > 0 ? certificates(data.items, problemArea, refresh) : empty(t("certificates.none")), zoneHint());
  };
  const add = () => openCertificateForm(async (added) => { await refresh(); toast(t("certificates.added", { name: added.name })); });
  put(main, h("div", { class: "spread" }, h("h1", {}, t("certificates.title")),
    h("button", { type: "button", class: "primary", onclick: add }, t("certificates.add"))),
  h("p", { class: "soft" }, t("certificates.about")), problemArea, list);
  await refresh();
}

function certificates(items, problemArea, refresh) {
  const columns = [
    { label: t("keys.name") }, { label: t("reports.status") }, { label: t("certificates.owner") }, { label: t("certificates.expires") },
    { label: t("page.actions"), isPlain: true },
  ];
  return table(t("certificates.title"), columns, items.map((/** @type {Certificate} */ item) => [
    [named(item.name), h("span", { class: "hint" }, h("code", { class: "break" }, item.id))],
    badge(item.status),
    [h("bdi", { class: "break" }, item.userIds.join(", ")), h("span", { class: "hint" }, h("code", { class: "break" }, item.fingerprint))],
    item.expiresAt === null ? t("certificates.never") : when(item.expiresAt),
    h("button", {
      type: "button", class: "quiet small danger", "aria-label": `${t("webhooks.delete")}: ${item.name}`,
      onclick: (event) => runAction(event.currentTarget, problemArea, async () => confirmDelete(item, refresh)),
    }, t("webhooks.delete")),
  ]));
}

function confirmDelete({ id, name }, refresh) {
  confirmAction({
    title: t("certificates.delete-title"), text: t("certificates.delete-text", { name }), button: t("webhooks.delete"), isDanger: true,
    act: async () => { await call("DELETE", `certificates/${id}`); await refresh(); toast(t("certificates.deleted", { name })); },
  });
}
