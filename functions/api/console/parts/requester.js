// Who requested something, in words.

import { h } from "../lib/dom.js";
import { link } from "./elements.js";
import { can, currentUser, nameOfToken } from "../lib/session.js";
import { t } from "../words/words.js";

/**
 * A name for people; a schedule's leads to its page.
 * @param {string | null} subject as the API has it: `key:…`, `schedule:…`, `token:…`, `event:…` or `loopback`
 * @param {string | null} name that this key or schedule has now
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

/** The user who is signed in. @param {import("../lib/shapes.js").Me} user */
export function userName(user) {
  const [kind, ...rest] = user.subject.split(":");
  return user.name ?? nameOfToken() ?? nameless(kind, rest.join(":"));
}
