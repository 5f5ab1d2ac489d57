// View: API keys of the tenant.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { openKeyForm } from "../forms/key_form.js";
import { confirmAction, copyButton, openDialog, toast } from "../parts/notices.js";
import { badge, empty, named, table } from "../parts/elements.js";
import { requester } from "../parts/requester.js";
import { currentUser } from "../lib/session.js";
import { t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @typedef {import("../lib/shapes.js").ApiKey} ApiKey */

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showApiKeys(main, { signal }) {
  const list = h("div", { class: "many-columns" }, h("p", { class: "soft" }, t("page.loading")));
  const refresh = async () => {
    const { data } = await call("GET", "api-keys", { signal });
    put(list, data.items.length > 0 ? [keys(data.items, refresh), zoneHint()] : empty(t("keys.none")));
  };
  const create = () => openKeyForm((made) => { refresh(); showKey(made); });
  put(main, h("div", { class: "spread" }, h("h1", {}, t("keys.title")),
    h("button", { type: "button", class: "primary", onclick: create }, t("keys.create"))),
  h("p", { class: "soft" }, t("keys.about")), list);
  await refresh();
}

function keys(items, refresh) {
  const columns = [
    { label: t("keys.name") }, { label: t("reports.status") }, { label: t("keys.scopes") }, { label: t("keys.created") },
    { label: t("keys.last-used") }, { label: t("keys.expires") }, { label: t("page.actions"), isPlain: true },
  ];
  const names = Object.fromEntries(items.map((/** @type {ApiKey} */ key) => [`key:${key.id}`, key.name]));
  return table(t("keys.title"), columns, items.map((/** @type {ApiKey} */ key) => [
    [named(key.name), h("span", { class: "hint" }, h("code", {}, key.id), key.id === ownId() && ` ${t("who.you")}`)],
    badge(key.status, t(`key-status.${key.status}`)),
    key.scopes.join(", "),
    [when(key.createdAt), h("span", { class: "hint" }, requester(key.createdBy, names[key.createdBy] ?? null))],
    when(key.lastUsedAt),
    when(key.expiresAt),
    key.status === "ACTIVE" && h("button", {
      type: "button", class: "quiet small danger", "aria-label": `${t("keys.revoke")}: ${key.name}`, onclick: () => confirmRevoke(key, refresh),
    }, t("keys.revoke")),
  ]));
}

/** Returns the id of the key that the user signed in with, or null. */
function ownId() {
  const [kind, id] = (currentUser()?.subject ?? "").split(":");
  return kind === "key" ? id : null;
}

function confirmRevoke(/** @type {ApiKey} */ key, refresh) {
  confirmAction({
    title: t("keys.revoke-title", { name: key.name }), text: t(key.id === ownId() ? "keys.revoke-own" : "keys.revoke-text"),
    button: t("keys.revoke"), isDanger: true,
    act: async () => { await call("DELETE", `api-keys/${key.id}`); await refresh(); toast(t("keys.revoked", { name: key.name })); },
  });
}

/** Opens a dialog that shows a new key. It cannot be shown again. @param {{name: string, key: string}} made */
function showKey(made) {
  openDialog(t("keys.new-title"), (close) => [
    h("p", {}, h("bdi", {}, made.name)),
    h("p", { class: "soft" }, t("keys.new-text")),
    h("p", { class: "secret" }, h("code", { class: "hash" }, made.key), " ", copyButton(made.key, t("keys.copy"))),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: close }, t("page.close"))),
  ]);
}
