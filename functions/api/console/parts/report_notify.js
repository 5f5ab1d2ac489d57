// Optional browser notification when a report ends while its tab is hidden.

import { h, put } from "../lib/dom.js";
import { toast } from "./notices.js";
import { t } from "../words/words.js";

/** @returns {{element: HTMLElement, update: (isUnderWay: boolean) => void, notify: (title: string, text: string) => void}} */
export function notifier() {
  const element = h("div");
  const isOffered = () => "Notification" in window && isSecureContext && Notification.permission === "default";
  const allow = async () => {
    const permission = await Notification.requestPermission();
    put(element);
    toast(t(permission === "granted" ? "notify.on" : "notify.off"));
  };
  return {
    element,
    update: (isUnderWay) => put(element, isUnderWay && isOffered() && h("button", { type: "button", class: "quiet", onclick: allow }, t("notify.button"))),
    notify(title, text) {
      if (document.hidden && "Notification" in window && Notification.permission === "granted") new Notification(title, { body: text });
    },
  };
}
