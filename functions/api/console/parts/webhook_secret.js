// Dialogs that show and rotate the signing secret of an endpoint.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { confirmAction, copyButton, openDialog } from "./notices.js";
import { t } from "../words/words.js";

const OVERLAP_HOURS = 24;

/**
 * Opens a dialog that shows a secret. @param {string} name of the endpoint
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

/** Rotates a secret after confirmation. The previous one stays valid for a day. @param {string} name @param {string} path of the endpoint */
export function confirmRotate(name, path) {
  confirmAction({
    title: t("webhooks.rotate-title"), text: t("webhooks.rotate-text", { hours: OVERLAP_HOURS }), button: t("webhooks.rotate"),
    act: async () => {
      const { data } = await call("POST", `${path}/rotate-secret`, { body: { overlapHours: OVERLAP_HOURS } });
      showSecret(name, data);
    },
  });
}
