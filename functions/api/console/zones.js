// Time zones.

import { h } from "./dom.js";

/** The browser's time zone. */
export function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Names of time zones to choose from; others may be typed. */
export function zoneList() {
  const names = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
  return h("datalist", { id: "zones" }, names.map((value) => h("option", { value })));
}
