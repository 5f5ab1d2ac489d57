// View: destinations of files.

import { call } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { confirmAction, runAction, toast } from "../parts/notices.js";
import { badge, empty, link, named, table } from "../parts/elements.js";
import { suppressedAddresses } from "../parts/suppressed_addresses.js";
import { openDestinationForm } from "../forms/destination_form.js";
import { t } from "../words/words.js";
import { zoneHint } from "../lib/zones.js";

/** @typedef {import("../lib/shapes.js").FileDestination} FileDestination */

/** Maximum number of recipients of e-mail in the list. */
const LISTED_RECIPIENTS = 2;

/** @param {HTMLElement} main @param {import("../lib/router.js").ViewContext} context */
export async function showDestinations(main, { signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, t("page.loading")));
  const problemArea = h("div");
  const refresh = async () => {
    const { data } = await call("GET", "destinations", { signal });
    put(list, data.items.length > 0 ? destinations(data.items, problemArea, refresh) : empty(t("destinations.none")), zoneHint());
  };
  const add = () => openDestinationForm(null, async (made) => { await refresh(); toast(t("destinations.saved", { name: made.name })); });
  put(main, h("div", { class: "spread" }, h("h1", {}, t("destinations.title")),
    h("button", { type: "button", class: "primary", onclick: add }, t("destinations.add"))),
  h("p", { class: "soft" }, t("destinations.about")), problemArea, list);
  await refresh();
  main.append(await suppressedAddresses(signal));
}

/** Creates the status of a destination, with the error of its last attempt. @param {FileDestination} destination */
export function destinationStatus({ enabled, failing, lastAttempt }) {
  if (!enabled) return badge("DISABLED");
  if (!failing || lastAttempt === null) return badge("ENABLED");
  return [badge("FAILING"), h("span", { class: "hint" }, h("bdi", { class: "break" }, lastAttempt.errorDetail), " · ", when(lastAttempt.startedAt))];
}

/** Creates where files go: a URL, or recipients of e-mail, of which at most some are shown. @param {FileDestination} destination @param {number} [max] */
export function receiver({ kind, settings, url }, max = Infinity) {
  if (kind !== "EMAIL") return h("bdi", { class: "break" }, url);
  const recipients = /** @type {string[]} */ (/** @type {unknown} */ (settings.recipients));
  const names = recipients.slice(0, max).flatMap((each, index) => [index > 0 && ", ", h("bdi", {}, each)]);
  return h("span", { class: "break" }, names, recipients.length > max && ` ${t("destinations.more", { n: recipients.length - max })}`);
}

function destinations(items, problemArea, refresh) {
  const columns = [
    { label: t("keys.name") }, { label: t("reports.status") }, { label: t("destinations.receiver") }, { label: t("page.actions"), isPlain: true },
  ];
  return table(t("destinations.title"), columns, items.map((/** @type {FileDestination} */ item) => [
    [link(`/destinations/${item.id}`, named(item.name)), h("span", { class: "hint" }, h("code", { class: "break" }, item.id))],
    destinationStatus(item),
    receiver(item, LISTED_RECIPIENTS),
    actions(item, problemArea, refresh),
  ]));
}

function actions(item, problemArea, refresh) {
  const path = `destinations/${item.id}`;
  const { name } = item;
  const button = (key, act, kind = "quiet small") => h("button", {
    type: "button", class: kind, "aria-label": `${t(key)}: ${name}`, onclick: (event) => runAction(event.currentTarget, problemArea, act),
  }, t(key));
  const test = async () => { await call("POST", `${path}/test`); toast(t("destinations.tested", { name })); };
  const toggle = async () => {
    await call("PATCH", path, { body: { enabled: !item.enabled } });
    await refresh();
    toast(t(item.enabled ? "destinations.disabled" : "destinations.enabled", { name }));
  };
  const edit = async () => openDestinationForm(item, async () => { await refresh(); toast(t("destinations.saved", { name })); });
  return h("div", { class: "buttons tight" },
    item.enabled && button("destinations.test", test),
    button("webhooks.edit", edit),
    button(item.enabled ? "webhooks.disable" : "webhooks.enable", toggle),
    button("webhooks.delete", async () => confirmDelete(name, path, refresh), "quiet small danger"));
}

function confirmDelete(name, path, refresh) {
  confirmAction({
    title: t("destinations.delete-title"), text: t("destinations.delete-text", { name }), button: t("webhooks.delete"), isDanger: true,
    act: async () => { await call("DELETE", path); await refresh(); toast(t("destinations.deleted", { name })); },
  });
}
