// Webhook endpoints: where the tenant's systems are told of reports.

import { call } from "./api.js";
import { h, put } from "./dom.js";
import { when } from "./format.js";
import { ask, during, openDialog, copyButton, toast } from "./notices.js";
import { badge, link, loadTypes, table, titleOf } from "./parts.js";
import { can } from "./session.js";
import { openEndpointForm } from "./webhook_form.js";
import { say, t } from "./words.js";

/** @param {HTMLElement} main @param {import("./router.js").Place} place */
export async function showWebhooks(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const trouble = h("div");
  const refresh = async () => {
    const { data } = await call("GET", "webhook-endpoints", { signal });
    put(list, endpoints(data.items, await typesOrNone(), trouble, refresh));
  };
  const add = async () => openEndpointForm(await typesOrNone(), (made) => { refresh(); showSecret(made.url, made); });
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
    { label: t("webhooks.url") }, { label: t("reports.status") }, { label: t("webhooks.tells") }, { label: t("webhooks.since") }, { label: t("page.actions") },
  ];
  return table(t("webhooks.title"), columns, items.map((endpoint) => [
    link(`/webhooks/${endpoint.id}`, nameOf(endpoint)),
    [badge(endpoint.enabled ? "ENABLED" : "DISABLED"), endpoint.disabledReason && h("span", { class: "hint" }, say("disabled", endpoint.disabledReason))],
    tells(endpoint, types),
    when(endpoint.createdAt),
    actions(endpoint, trouble, refresh),
  ]));
}

function nameOf(/** @type {import("./shapes.js").Endpoint} */ endpoint) {
  return endpoint.url ?? t("webhooks.callbacks");
}

function tells(endpoint, types) {
  const events = endpoint.events?.map((event) => say("event", event)).join(", ") ?? t("webhooks.all-events");
  return [events, endpoint.reportTypes && h("span", { class: "hint" }, endpoint.reportTypes.map((type) => titleOf(types, type)).join(", "))];
}

function actions(endpoint, trouble, refresh) {
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
  const secret = async () => showSecret(name, (await call("GET", `${path}/secret`)).data);
  const remove = async () => ask({
    title: t("webhooks.delete"), text: t("webhooks.delete-text", { url: name }), button: t("webhooks.delete"), isDanger: true,
    act: async () => { await call("DELETE", path); await refresh(); toast(t("webhooks.deleted", { url: name })); },
  });
  const isFixed = endpoint.url === null;
  return h("div", { class: "buttons tight" },
    button("webhooks.secret", secret),
    !isFixed && button(endpoint.enabled ? "webhooks.disable" : "webhooks.enable", toggle),
    !isFixed && button("webhooks.delete", remove, "quiet small danger"));
}

/** Shows a secret for as long as the dialogue is open. */
function showSecret(name, { secret, previousSecret }) {
  openDialog(t("webhooks.secret-title"), (close) => [
    h("p", { class: "break" }, name),
    h("p", { class: "soft" }, t("webhooks.secret-text")),
    h("p", { class: "secret" }, h("code", { class: "hash" }, secret), " ", copyButton(secret, t("webhooks.copy-secret"))),
    previousSecret && h("p", { class: "secret" }, h("span", { class: "soft" }, t("webhooks.previous"), " "), h("code", { class: "hash" }, previousSecret)),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: close }, t("page.close"))),
  ]);
}
