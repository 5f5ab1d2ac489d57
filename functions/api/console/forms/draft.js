// Draft of a report request: it is kept when the user opens another view or reloads, until the tab is closed.

import { currentUser } from "../lib/session.js";

const STORAGE_ITEM = "resma.draft";

/** Returns the owner of the draft, so that another user who signs in in the same tab does not see it. */
function owner() {
  const user = currentUser();
  return user && `${user.tenantId} ${user.subject}`;
}

/** Returns the draft of the current user, or an empty one. @returns {Partial<import("../lib/shapes.js").ReportRequest>} */
export function currentDraft() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORAGE_ITEM) ?? "null");
    if (stored?.owner === owner()) return stored?.request ?? {};
  } catch {
    // Invalid content is discarded.
  }
  clearDraft();
  return {};
}

/** Replaces the draft by a request. @param {Partial<import("../lib/shapes.js").ReportRequest>} request other properties are ignored */
export function startFrom({ type, format, formats, filters, columns, locale, timeZone, title, options, splitBy, zip, callbackUrl, deliverTo, encryptFor, onlyIf }) {
  const request = { type, format, formats, filters, columns, locale, timeZone, title, options, splitBy, zip, callbackUrl, deliverTo, encryptFor, onlyIf };
  sessionStorage.setItem(STORAGE_ITEM, JSON.stringify({ owner: owner(), request }));
}

/** Deletes the draft. */
export function clearDraft() {
  sessionStorage.removeItem(STORAGE_ITEM);
}
