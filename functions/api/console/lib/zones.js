// Time zones.

import { h } from "./dom.js";
import { t } from "../words/words.js";

/** The browser's time zone. */
export function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Says in which zone the times of a page are. @param {string} [zone] IANA name; left out, the browser's */
export function zoneNote(zone = ownZone()) {
  return h("p", { class: "hint zone" }, t("page.times-in", { zone }));
}

/** Names of time zones to choose from; others may be typed. */
export function zoneList() {
  const names = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
  return h("datalist", { id: "zones" }, names.map((value) => h("option", { value })));
}

/** Whether this browser knows a time zone: the API may know others. @param {string} zone */
export function isZone(zone) {
  try {
    return Boolean(Intl.DateTimeFormat(undefined, { timeZone: zone }));
  } catch {
    return false;
  }
}
