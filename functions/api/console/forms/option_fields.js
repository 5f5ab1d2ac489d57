// Fields for options of formats. They are shown if their format is selected, and sent if they are not the default.

import { field, select } from "./fields.js";
import { t } from "../words/words.js";

const COMPRESSION = () => ({ none: t("option.none"), gzip: "gzip", zstd: "zstd" });

const yesOrNo = () => ({ "": t("option.as-catalog"), true: t("option.yes"), false: t("option.no") });
/** JSON values of options that are not strings, by the value of the field. @type {Object<string, boolean>} */
const BOOLEANS = { true: true, false: false };

/**
 * Returns all options with format, name, and labels by value. The first value is the default.
 * @returns {{format: string, name: string, values: Object<string, string>}[]}
 */
function known() {
  return [
    { format: "csv", name: "profile", values: { rfc4180: t("option.rfc4180"), excel: t("option.excel") } },
    { format: "csv", name: "compression", values: COMPRESSION() },
    { format: "csv", name: "delimiter", values: { "": t("option.as-catalog"), ",": t("option.comma"), ";": t("option.semicolon"), "\t": t("option.tab"), "|": t("option.bar") } },
    { format: "csv", name: "decimalMark", values: { "": t("option.as-catalog"), ".": t("option.point"), ",": t("option.comma") } },
    { format: "csv", name: "quoteAll", values: yesOrNo() },
    { format: "csv", name: "byteOrderMark", values: yesOrNo() },
    { format: "csv", name: "lineEnd", values: { "": t("option.as-catalog"), crlf: "CRLF", lf: "LF" } },
    { format: "ndjson", name: "compression", values: COMPRESSION() },
    { format: "ndjson", name: "numbers", values: { number: t("option.number"), string: t("option.string") } },
    { format: "pdf", name: "orientation", values: { "": t("option.as-type"), landscape: t("option.landscape"), portrait: t("option.portrait") } },
    { format: "pdf", name: "paper", values: { "": t("option.as-locale"), A4: "A4", Letter: "Letter" } },
    { format: "pdf", name: "cover", values: yesOrNo() },
    { format: "pdf", name: "contents", values: yesOrNo() },
  ];
}

/**
 * @param {Object<string, Object<string, string | boolean>>} options initial values
 * @returns {(import("./fields.js").Field & {format: string, read: () => [string, string, string | boolean] | null})[]}
 *   `read` returns format, name and value, or null for the default.
 */
export function optionFields(options) {
  return known().map(({ format, name, values }) => {
    const [unset] = Object.keys(values);
    const picked = select(String(options[format]?.[name] ?? unset), values);
    const made = field(`/options/${format}/${name}`, picked, { label: labelOf(format, name) });
    return { ...made, format, read: () => (picked.value === unset ? null : [format, name, BOOLEANS[picked.value] ?? picked.value]) };
  });
}

/**
 * Returns label and value of each option that is set, in words.
 * @param {Object<string, Object<string, any> | null>} options @returns {[string, string][]}
 */
export function describeOptions(options) {
  return known().flatMap(({ format, name, values }) => {
    const value = options[format]?.[name];
    return value === undefined || value === null ? [] : [[labelOf(format, name), values[value] ?? String(value)]];
  });
}

function labelOf(format, name) {
  return `${format.toUpperCase()}: ${t(`option.${name}`)}`;
}

/**
 * Returns the options of the selected formats, as the API accepts them.
 * @param {ReturnType<typeof optionFields>} fields @param {string[]} formats
 */
export function readOptions(fields, formats) {
  /** @type {Object<string, Object<string, string | boolean>>} */
  const read = {};
  for (const each of fields) {
    const option = formats.includes(each.format.toUpperCase()) ? each.read() : null;
    if (option !== null) (read[option[0]] ??= {})[option[1]] = option[2];
  }
  return read;
}
