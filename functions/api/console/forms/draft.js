// What was filled in to ask for a report: it outlives a look at another view and a reload, and ends with the tab.

import { currentUser } from "../lib/session.js";

const KEPT = "resma.draft";

/** Whose it is: at the same desk the next one to sign in sees nothing of it. */
function owner() {
  const user = currentUser();
  return user && `${user.tenantId} ${user.subject}`;
}

/** What the form begins with. @returns {Partial<import("../lib/shapes.js").ReportRequest>} */
export function currentDraft() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (kept?.owner === owner()) return kept?.request ?? {};
  } catch {
    // not ours: begin anew
  }
  forgetDraft();
  return {};
}

/** Begins with another request. @param {Partial<import("../lib/shapes.js").ReportRequest>} request more in it is left out */
export function startFrom({ type, format, formats, filters, columns, locale, timeZone, title, options, callbackUrl }) {
  const request = { type, format, formats, filters, columns, locale, timeZone, title, options, callbackUrl };
  sessionStorage.setItem(KEPT, JSON.stringify({ owner: owner(), request }));
}

/** Begins with nothing. */
export function forgetDraft() {
  sessionStorage.removeItem(KEPT);
}
