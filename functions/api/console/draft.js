// What was filled in to ask for a report, while the tab is open: it outlives a look at another view.

/** @type {Partial<import("./shapes.js").ReportRequest>} */
let draft = {};

/** What the form begins with. */
export function currentDraft() {
  return draft;
}

/** Begins with another request, or with nothing. @param {Partial<import("./shapes.js").ReportRequest>} request */
export function startFrom(request) {
  draft = request;
}
