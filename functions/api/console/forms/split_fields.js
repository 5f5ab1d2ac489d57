// Fields of a split report: the columns whose values have a file each, and the ZIP archive.

import { chip, chosen, group } from "./fields.js";
import { can } from "../lib/session.js";
import { labelsOf } from "../words/filter_words.js";
import { t } from "../words/words.js";

/**
 * @param {import("../lib/shapes.js").ReportType} type
 * @param {Partial<import("../lib/shapes.js").ReportRequest>} draft initial values
 * @returns {{fields: import("./fields.js").Field[], columns: () => string[], show: () => void, read: () => Object<string, any>}}
 *   There are no fields for a type that cannot be split. `columns` returns the columns that are selected, and `show` hides
 *   the archive unless there are any.
 */
export function splitFields(type, draft) {
  const offered = offeredColumns(type);
  if (offered.length === 0) return { fields: [], columns: () => [], show: () => undefined, read: () => ({}) };
  const initial = Math.min(draft.splitBy?.length ?? 0, offered.length);
  const choices = [t("form.split-none"), ...offered.map((_, index) =>
    t("form.split-by", { columns: labelsOf(offered.slice(0, index + 1), type).join(", ") }))];
  const by = group("/splitBy", choices.map((label, count) => chip("radio", "splitBy", count, label, count === initial)),
    { label: t("form.split"), hint: t("form.split-hint") });
  const zip = group("/zip", [chip("checkbox", "zip", "zip", t("form.zip"), draft.zip ?? false)], { label: t("split.zip") });
  const columns = () => offered.slice(0, Number(chosen(by.element)[0]));
  return {
    fields: [by, zip],
    columns,
    show: () => { zip.element.hidden = columns().length === 0; },
    read: () => (columns().length === 0 ? {} : { splitBy: columns(), zip: chosen(zip.element).length > 0 }),
  };
}

/** Returns the columns that the user may split by: those before the first one that is masked for the user. */
function offeredColumns({ splitBy, columns }) {
  const isMasked = (name) => !can("personal:read") && columns.some((column) => column.name === name && column.personal);
  const masked = splitBy.findIndex(isMasked);
  return masked < 0 ? splitBy : splitBy.slice(0, masked);
}
