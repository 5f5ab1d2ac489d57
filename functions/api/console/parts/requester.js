// Names of users, keys and schedules that requested something.

import { h } from "../lib/dom.js";
import { link } from "./elements.js";
import { can, currentUser, nameOfToken } from "../lib/session.js";
import { t } from "../words/words.js";

/**
 * Creates the name of a requester. The name of a schedule is a link to it.
 * @param {string | null} subject in the form of the API: `key:…`, `schedule:…`, `token:…`, `event:…` or `loopback`
 * @param {string | null} name current name of the key or schedule
 * @returns {import("../lib/dom.js").Child}
 */
export function requester(subject, name) {
  if (subject === null) return "–";
  const [kind, ...rest] = subject.split(":");
  const id = rest.join(":");
  const shown = name ?? nameless(kind, id);
  if (kind === "schedule" && can("schedules:manage")) return link(`/schedules/${id}`, h("bdi", {}, shown));
  return [h("bdi", {}, shown), subject === currentUser()?.subject && ` ${t("who.you")}`];
}

function nameless(kind, id) {
  if (kind === "loopback") return t("who.local");
  return kind === "token" ? id : `${kind}:${id}`;
}

/** Returns the name of the user who is signed in. @param {import("../lib/shapes.js").Me} user */
export function userName(user) {
  const [kind, ...rest] = user.subject.split(":");
  return user.name ?? nameOfToken() ?? nameless(kind, rest.join(":"));
}
