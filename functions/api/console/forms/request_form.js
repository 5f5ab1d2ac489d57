// Form for the request of a report or a schedule.

import { columnFields } from "./column_fields.js";
import { conditionFields } from "./condition_fields.js";
import { h, put } from "../lib/dom.js";
import { chip, chosen, field, group, input, readIds, select, showErrors } from "./fields.js";
import { filterFields, readFilters, supply } from "./filter_fields.js";
import { optionFields, readOptions } from "./option_fields.js";
import { periodField } from "./period_field.js";
import { splitFields } from "./split_fields.js";
import { can } from "../lib/session.js";
import { apiLocale, t } from "../words/words.js";
import { ownZone, zoneList } from "../lib/zones.js";

const PERIOD_FILTERS = ["from", "to"];

/**
 * @typedef {Object} RequestForm
 * @property {HTMLElement} element
 * @property {() => import("../lib/shapes.js").ReportRequest} read
 * @property {(fieldErrors: import("../lib/api.js").FieldError[]) => import("../lib/api.js").FieldError[]} showErrors returns the errors without a field
 * @property {(isSupplied: boolean) => void} supplyPeriod disables the filters `from` and `to`, which a period fills in
 */

/**
 * @param {import("../lib/shapes.js").ReportType[]} types
 * @param {Partial<import("../lib/shapes.js").ReportRequest>} draft initial values
 * @param {() => void} changed called after each change
 * @returns {RequestForm}
 */
export function requestForm(types, draft, changed) {
  let type = types.find((each) => each.type === draft.type) ?? types[0];
  let isSupplied = false;
  const body = h("div", { class: "stack" });
  /** @type {ReturnType<typeof typeFields>} */
  let fields;
  /** The period of a schedule fills in the days, so that the period of one report is hidden. */
  const supplyFilters = () => {
    supply(fields.filters, PERIOD_FILTERS, isSupplied);
    if (fields.period) fields.period.hidden = isSupplied;
  };
  const draw = (values) => {
    fields = typeFields(type, values, changed);
    supplyFilters();
    put(body, fields.elements);
  };
  const pick = (event) => {
    // Values that all types have are kept. Filters, columns and conditions on totals depend on the type.
    const { filters, columns, splitBy, zip, onlyIf, ...kept } = fields.read();
    type = types.find((each) => each.type === event.target.value) ?? type;
    draw({ ...kept, onlyIf: onlyIf && { ...onlyIf, totals: undefined } });
    changed();
  };
  const choice = group("/type", types.map((each) => card(each, each === type)), { label: t("form.type") });
  choice.element.classList.add("types");
  choice.element.addEventListener("change", pick);
  body.addEventListener("input", changed);
  body.addEventListener("change", changed);
  draw(draft);
  return {
    element: h("div", { class: "stack" }, h("section", { class: "card" }, choice.element), body),
    read: () => fields.read(),
    showErrors: (fieldErrors) => showErrors([choice, ...fields.all], fieldErrors),
    supplyPeriod: (isFilledIn) => { isSupplied = isFilledIn; supplyFilters(); },
  };
}

function card(type, isChecked) {
  // A type without a description has its title as its description.
  const hint = type.description === type.title ? undefined : h("span", { class: "hint" }, type.description);
  return h("label", { class: "type" },
    h("input", { type: "radio", name: "type", value: type.type, checked: isChecked }),
    h("span", {}, h("span", { class: "strong" }, type.title), hint));
}

/** Creates all fields that depend on the report type. */
function typeFields(type, draft, changed) {
  const filters = filterFields(type.filters, draft.filters ?? {});
  const columns = columnFields(type.columns, draft.columns ?? null, can("personal:read"), changed);
  const formats = formatField(type, draft);
  const options = optionFields(draft.options ?? {});
  const common = commonFields(type, draft);
  const conditions = conditionFields(draft.onlyIf);
  const split = splitFields(type, draft);
  const period = periodField(filters, () => ({ zone: common.read().timeZone, locale: common.read().locale }));
  const showOptions = () => {
    const selected = chosen(formats.element).map((format) => format.toLowerCase());
    for (const option of options) option.element.hidden = !selected.includes(option.format);
  };
  formats.element.addEventListener("change", showOptions);
  showOptions();
  const isUsed = ({ name }) => !split.columns().includes(name);
  /** Hides the filters that a split report must not have, because each of their values has a file. */
  const showFilters = () => {
    for (const each of filters) each.element.hidden = !isUsed(each);
    split.show();
  };
  split.fields[0]?.element.addEventListener("change", showFilters);
  showFilters();
  const read = () => {
    const selected = chosen(formats.element);
    return {
      type: type.type,
      formats: selected, // if it is empty, the API returns a validation error for this field
      filters: readFilters(filters.filter(isUsed)),
      ...split.read(),
      columns: columns.read(),
      ...common.read(),
      options: readOptions(options, selected),
      onlyIf: conditions.read(),
    };
  };
  return { elements: sections(withPeriod(filters, period), formats, columns, { common, conditions, options, split }), filters, period, read,
    all: [...split.fields, ...filters, formats, columns, ...common.fields, ...conditions.fields, ...options] };
}

/** Returns the elements of the filters, with the period before the days that it fills in. */
function withPeriod(filters, period) {
  return filters.flatMap(({ name, element }) => (name === PERIOD_FILTERS[0] ? [period, element] : [element]));
}

function sections(which, formats, columns, { common, conditions, options, split }) {
  const section = (title, ...parts) => h("section", { class: "card" }, h("h2", {}, t(title)), ...parts);
  const [locale, zone, title, callback, destinations, certificates] = common.fields.map(({ element }) => element);
  const [by, zip] = split.fields.map(({ element }) => element);
  return [
    section("form.which", h("div", { class: "fields" }, by, which)),
    section("form.how", formats.element, zip, columns.element,
      h("div", { class: "fields" }, locale, zone, title, options.map(({ element }) => element))),
    section("form.only-if", conditions.element),
    section("form.after", callback, destinations, certificates),
  ];
}

function formatField(type, draft) {
  const selected = draft.formats ?? (draft.format ? [draft.format] : ["PDF"]);
  const boxes = type.formats.map((each) => chip("checkbox", "formats", each, each, selected.includes(each)));
  return group("/formats", boxes, { label: t("form.formats"), hint: t("form.formats-hint"), isRequired: true });
}

function commonFields(type, draft) {
  const locales = Object.fromEntries(type.locales.map((tag) => [tag, localeName(tag)]));
  const locale = select(draft.locale ?? apiLocale(), locales);
  const zone = input({ value: draft.timeZone ?? ownZone(), list: "zones", required: true });
  const title = input({ value: draft.title ?? "", maxlength: 200, placeholder: type.title });
  const callback = input({ value: draft.callbackUrl ?? "", type: "url", inputmode: "url", placeholder: "https://" });
  const destinations = input({ value: (draft.deliverTo ?? []).join(", "), placeholder: "dst_…" });
  const certificates = input({ value: (draft.encryptFor ?? []).join(", "), placeholder: "crt_…" });
  const fields = [
    field("/locale", locale, { label: t("form.locale"), hint: t("form.locale-hint") }),
    field("/timeZone", zone, { label: t("form.zone"), hint: t("form.zone-hint") }),
    field("/title", title, { label: t("form.title"), hint: t("form.title-hint") }),
    field("/callbackUrl", callback, { label: t("form.callback"), hint: t("form.callback-hint") }),
    field("/deliverTo", destinations, { label: t("form.deliver-to"), hint: t("form.deliver-to-hint") }),
    field("/encryptFor", certificates, { label: t("form.encrypt-for"), hint: t("form.encrypt-for-hint") }),
  ];
  fields[1].element.append(zoneList());
  const read = () => ({
    locale: locale.value,
    timeZone: zone.value.trim(),
    title: title.value.trim() || null,
    callbackUrl: callback.value.trim() || null,
    deliverTo: readIds(destinations),
    encryptFor: readIds(certificates),
  });
  return { fields, read };
}

function localeName(tag) {
  return new Intl.DisplayNames([apiLocale()], { type: "language" }).of(tag) ?? tag;
}
