// Webhook endpoints: which systems of the tenant are notified of reports.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { ask, during, toast } from "../parts/notices.js";
import { link, loadTypes, named, table, titleOf } from "../parts/elements.js";
import { can } from "../lib/session.js";
import { openEndpointForm } from "../forms/webhook_form.js";
import { endpointStatus } from "../parts/webhook_health.js";
import { askToRotate, showSecret } from "../parts/webhook_secret.js";
import { say, t } from "../words/words.js";
import { zoneNote } from "../lib/zones.js";

/** @typedef {import("../lib/shapes.js").Endpoint} Endpoint */

/** @param {HTMLElement} main @param {import("../lib/router.js").Place} place */
export async function showWebhooks(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const trouble = h("div");
  const refresh = async () => {
    const { data } = await call("GET", "webhook-endpoints", { signal });
    put(list, endpoints(data.items, await typesOrNone(), trouble, refresh), zoneNote());
  };
  const add = async () => openEndpointForm(await typesOrNone(), null, (made) => { refresh(); showSecret(made.url, made); });
  put(main, h("div", { class: "spread" }, h("h1", {}, t("webhooks.title")),
    h("button", { type: "button", class: "primary", onclick: add }, t("webhooks.add"))),
  h("p", { class: "soft" }, t("webhooks.about")), trouble, list);
  await refresh();
}

/** Who may not read reports sees their types' codes. */
async function typesOrNone() {
  return can("reports:read") ? loadTypes() : [];
}

function endpoints(items, types, trouble, refresh) {
  const columns = [
    { label: t("webhooks.url") }, { label: t("reports.status") }, { label: t("webhooks.tells") }, { label: t("webhooks.since") }, { label: t("page.actions"), isPlain: true },
  ];
  return table(t("webhooks.title"), columns, items.map((/** @type {Endpoint} */ endpoint) => [
    link(`/webhooks/${endpoint.id}`, named(nameOf(endpoint))),
    endpointStatus(endpoint),
    tells(endpoint, types),
    when(endpoint.createdAt),
    actions(endpoint, types, trouble, refresh),
  ]));
}

function nameOf(/** @type {Endpoint} */ endpoint) {
  return endpoint.url ?? t("webhooks.callbacks");
}

function tells(endpoint, types) {
  const events = endpoint.events?.map((event) => say("event", event)).join(", ") ?? t("webhooks.all-events");
  return [events, endpoint.reportTypes && h("span", { class: "hint" }, endpoint.reportTypes.map((type) => titleOf(types, type)).join(", "))];
}

function actions(endpoint, types, trouble, refresh) {
  const name = nameOf(endpoint);
  const path = `webhook-endpoints/${endpoint.id}`;
  const button = (key, act, kind = "quiet small") => h("button", {
    type: "button", class: kind, "aria-label": `${t(key)}: ${name}`, onclick: (event) => during(event.currentTarget, trouble, act),
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
    !isFixed && endpoint.enabled && button("webhooks.test", async () => askToTest(name, path)),
    !isFixed && button("webhooks.edit", edit),
    button("webhooks.secret", secret),
    button("webhooks.rotate", async () => askToRotate(name, path)),
    !isFixed && button(endpoint.enabled ? "webhooks.disable" : "webhooks.enable", toggle),
    !isFixed && button("webhooks.delete", async () => askToDelete(name, path, refresh), "quiet small danger"));
}

function askToTest(name, path) {
  ask({
    title: t("webhooks.test-title"), text: t("webhooks.test-text", { url: name }), button: t("webhooks.test"),
    act: async () => { await call("POST", `${path}/test`); toast(t("webhooks.tested")); },
  });
}

function askToDelete(name, path, refresh) {
  ask({
    title: t("webhooks.delete-title"), text: t("webhooks.delete-text", { url: name }), button: t("webhooks.delete"), isDanger: true,
    act: async () => { await call("DELETE", path); await refresh(); toast(t("webhooks.deleted", { url: name })); },
  });
}
