// Time zones.

import { h } from "./dom.js";
import { t } from "../words/words.js";

/** Returns the time zone of the browser. */
export function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Returns a hint with the time zone of the times on a page. @param {string} [zone] IANA name; by default that of the browser */
export function zoneHint(zone = ownZone()) {
  return h("p", { class: "hint zone" }, t("page.times-in", { zone }));
}

/** Returns the list of time zones for an input, which accepts others, too. */
export function zoneList() {
  const names = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
  return h("datalist", { id: "zones" }, names.map((value) => h("option", { value })));
}

/** Whether this browser knows a time zone. The API may know others. @param {string} zone */
export function isZone(zone) {
  try {
    return Boolean(Intl.DateTimeFormat(undefined, { timeZone: zone }));
  } catch {
    return false;
  }
}
