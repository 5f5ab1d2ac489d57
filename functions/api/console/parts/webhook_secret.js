// An endpoint's signing secret: showing it, and replacing it.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { ask, copyButton, openDialog } from "./notices.js";
import { t } from "../words/words.js";

const OVERLAP_HOURS = 24;

/**
 * Shows a secret for as long as the dialog is open. @param {string} name of the endpoint
 * @param {{secret: string, previousSecret?: string | null, previousSecretUntil?: string | null}} shown
 */
export function showSecret(name, { secret, previousSecret, previousSecretUntil = null }) {
  openDialog(t("webhooks.secret-title"), (close) => [
    h("p", { class: "break" }, h("bdi", {}, name)),
    h("p", { class: "soft" }, t("webhooks.secret-text")),
    h("p", { class: "secret" }, h("code", { class: "hash" }, secret), " ", copyButton(secret, t("webhooks.copy-secret"))),
    previousSecret && h("p", { class: "secret" }, h("span", { class: "soft" }, t("webhooks.previous"), " ", when(previousSecretUntil), " "), h("code", { class: "hash" }, previousSecret)),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: close }, t("page.close"))),
  ]);
}

/** Replaces a secret after a question; the one before stays valid for a day. @param {string} name @param {string} path of the endpoint */
export function askToRotate(name, path) {
  ask({
    title: t("webhooks.rotate-title"), text: t("webhooks.rotate-text", { hours: OVERLAP_HOURS }), button: t("webhooks.rotate"),
    act: async () => {
      const { data } = await call("POST", `${path}/rotate-secret`, { body: { overlapHours: OVERLAP_HOURS } });
      showSecret(name, data);
    },
  });
}
