// View: webhook endpoints of the tenant.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { confirmAction, runAction, toast } from "../parts/notices.js";
import { link, loadTypes, named, table, titleOf } from "../parts/elements.js";
import { can } from "../lib/session.js";
import { openEndpointForm } from "../forms/webhook_form.js";
import { endpointStatus } from "../parts/webhook_health.js";
import { confirmRotate, showSecret } from "../parts/webhook_secret.js";
import { say, t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @typedef {import("../lib/shapes.js").Endpoint} Endpoint */

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showWebhooks(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const problemArea = h("div");
  const refresh = async () => {
    const { data } = await call("GET", "webhook-endpoints", { signal });
    put(list, endpoints(data.items, await typesOrNone(), problemArea, refresh), zoneHint());
  };
  const add = async () => openEndpointForm(await typesOrNone(), null, (made) => { refresh(); showSecret(made.url, made); });
  put(main, h("div", { class: "spread" }, h("h1", {}, t("webhooks.title")),
    h("button", { type: "button", class: "primary", onclick: add }, t("webhooks.add"))),
  h("p", { class: "soft" }, t("webhooks.about")), problemArea, list);
  await refresh();
}

/** Returns the report types, or none for a user who cannot read reports and sees their codes instead. */
async function typesOrNone() {
  return can("reports:read") ? loadTypes() : [];
}

function endpoints(items, types, problemArea, refresh) {
  const columns = [
    { label: t("webhooks.url") }, { label: t("reports.status") }, { label: t("webhooks.events") }, { label: t("webhooks.since") }, { label: t("page.actions"), isPlain: true },
  ];
  return table(t("webhooks.title"), columns, items.map((/** @type {Endpoint} */ endpoint) => [
    link(`/webhooks/${endpoint.id}`, named(nameOf(endpoint))),
    endpointStatus(endpoint),
    eventsOf(endpoint, types),
    when(endpoint.createdAt),
    actions(endpoint, types, problemArea, refresh),
  ]));
}

function nameOf(/** @type {Endpoint} */ endpoint) {
  return endpoint.url ?? t("webhooks.callbacks");
}

function eventsOf(endpoint, types) {
  const events = endpoint.events?.map((event) => say("event", event)).join(", ") ?? t("webhooks.all-events");
  return [events, endpoint.reportTypes && h("span", { class: "hint" }, endpoint.reportTypes.map((type) => titleOf(types, type)).join(", "))];
}

function actions(endpoint, types, problemArea, refresh) {
  const name = nameOf(endpoint);
  const path = `webhook-endpoints/${endpoint.id}`;
  const button = (key, act, kind = "quiet small") => h("button", {
    type: "button", class: kind, "aria-label": `${t(key)}: ${name}`, onclick: (event) => runAction(event.currentTarget, problemArea, act),
  }, t(key));
  const toggle = async () => {
    await call("PATCH", path, { body: { enabled: !endpoint.enabled } });
    await refresh();
    toast(t(endpoint.enabled ? "webhooks.disabled" : "webhooks.enabled", { url: name }));
  };
  const edit = async () => openEndpointForm(types, endpoint, async () => { await refresh(); toast(t("webhooks.saved", { url: name })); });
  const secret = async () => showSecret(name, (await call("GET", `${path}/secret`)).data);
  const isFixed = endpoint.url === null;
  return h("div", { class: "buttons tight" },
    !isFixed && endpoint.enabled && button("webhooks.test", async () => confirmTest(name, path)),
    !isFixed && button("webhooks.edit", edit),
    button("webhooks.secret", secret),
    button("webhooks.rotate", async () => confirmRotate(name, path)),
    !isFixed && button(endpoint.enabled ? "webhooks.disable" : "webhooks.enable", toggle),
    !isFixed && button("webhooks.delete", async () => confirmDelete(name, path, refresh), "quiet small danger"));
}

function confirmTest(name, path) {
  confirmAction({
    title: t("webhooks.test-title"), text: t("webhooks.test-text", { url: name }), button: t("webhooks.test"),
    act: async () => { await call("POST", `${path}/test`); toast(t("webhooks.tested")); },
  });
}

function confirmDelete(name, path, refresh) {
  confirmAction({
    title: t("webhooks.delete-title"), text: t("webhooks.delete-text", { url: name }), button: t("webhooks.delete"), isDanger: true,
    act: async () => { await call("DELETE", path); await refresh(); toast(t("webhooks.deleted", { url: name })); },
  });
}
