// The form of a request: for one report, and for schedules.

import { columnFields } from "./column_fields.js";
import { h, put } from "../lib/dom.js";
import { chip, chosen, field, group, input, select, showErrors } from "./fields.js";
import { filterFields, readFilters, supply } from "./filter_fields.js";
import { optionFields, readOptions } from "./option_fields.js";
import { periodField } from "./period_field.js";
import { can } from "../lib/session.js";
import { apiLocale, t } from "../words/words.js";
import { ownZone, zoneList } from "../lib/zones.js";

const PERIOD_FILTERS = ["from", "to"];

/**
 * @typedef {Object} RequestForm
 * @property {HTMLElement} element
 * @property {() => import("../lib/shapes.js").ReportRequest} read
 * @property {(fieldErrors: import("../lib/api.js").FieldError[]) => import("../lib/api.js").FieldError[]} showErrors gives back what no field shows
 * @property {(isSupplied: boolean) => void} supplyPeriod lets a period fill the filters from and to
 */

/**
 * @param {import("../lib/shapes.js").ReportType[]} types
 * @param {Partial<import("../lib/shapes.js").ReportRequest>} draft that it begins with
 * @param {() => void} changed called after each change
 * @returns {RequestForm}
 */
export function requestForm(types, draft, changed) {
  let type = types.find((each) => each.type === draft.type) ?? types[0];
  let isSupplied = false;
  const body = h("div", { class: "stack" });
  /** @type {ReturnType<typeof typeFields>} */
  let fields;
  /** A schedule's period fills the days: then there is none to choose here. */
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
    // What every type has is kept; filters and columns are the type's own.
    const { filters, columns, ...kept } = fields.read();
    type = types.find((each) => each.type === event.target.value) ?? type;
    draw(kept);
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
    supplyPeriod: (wanted) => { isSupplied = wanted; supplyFilters(); },
  };
}

function card(type, isChecked) {
  return h("label", { class: "type" },
    h("input", { type: "radio", name: "type", value: type.type, checked: isChecked }),
    h("span", {}, h("span", { class: "strong" }, type.title), h("span", { class: "hint" }, type.description)));
}

/** Everything below the type. */
function typeFields(type, draft, changed) {
  const filters = filterFields(type.filters, draft.filters ?? {});
  const columns = columnFields(type.columns, draft.columns ?? null, can("personal:read"), changed);
  const formats = formatField(type, draft);
  const options = optionFields(draft.options ?? {});
  const common = commonFields(type, draft);
  const period = periodField(filters, () => ({ zone: common.read().timeZone, locale: common.read().locale }));
  const showOptions = () => {
    const wanted = chosen(formats.element).map((format) => format.toLowerCase());
    for (const option of options) option.element.hidden = !wanted.includes(option.format);
  };
  formats.element.addEventListener("change", showOptions);
  showOptions();
  const read = () => {
    const wanted = chosen(formats.element);
    return {
      type: type.type,
      formats: wanted, // none is a fieldError at this field
      filters: readFilters(filters),
      columns: columns.read(),
      ...common.read(),
      options: readOptions(options, wanted),
    };
  };
  return { elements: sections(withPeriod(filters, period), formats, columns, common, options), filters, period, read,
    all: [...filters, formats, columns, ...common.fields, ...options] };
}

/** The elements of filters, with the choice of a period before the days that it fills in. */
function withPeriod(filters, period) {
  return filters.flatMap(({ name, element }) => (name === PERIOD_FILTERS[0] ? [period, element] : [element]));
}

function sections(which, formats, columns, common, options) {
  const section = (title, ...parts) => h("section", { class: "card" }, h("h2", {}, t(title)), ...parts);
  const [locale, zone, title, callback] = common.fields.map(({ element }) => element);
  return [
    section("form.which", h("div", { class: "fields" }, which)),
    section("form.how", formats.element, columns.element,
      h("div", { class: "fields" }, locale, zone, title, options.map(({ element }) => element))),
    section("form.after", callback),
  ];
}

function formatField(type, draft) {
  const wanted = draft.formats ?? (draft.format ? [draft.format] : ["PDF"]);
  const boxes = type.formats.map((each) => chip("checkbox", "formats", each, each, wanted.includes(each)));
  return group("/formats", boxes, { label: t("form.formats"), hint: t("form.formats-hint"), isRequired: true });
}

function commonFields(type, draft) {
  const locales = Object.fromEntries(type.locales.map((tag) => [tag, localeName(tag)]));
  const locale = select(draft.locale ?? apiLocale(), locales);
  const zone = input({ value: draft.timeZone ?? ownZone(), list: "zones", required: true });
  const title = input({ value: draft.title ?? "", maxlength: 200, placeholder: type.title });
  const callback = input({ value: draft.callbackUrl ?? "", type: "url", inputmode: "url", placeholder: "https://" });
  const fields = [
    field("/locale", locale, { label: t("form.locale"), hint: t("form.locale-hint") }),
    field("/timeZone", zone, { label: t("form.zone"), hint: t("form.zone-hint") }),
    field("/title", title, { label: t("form.title"), hint: t("form.title-hint") }),
    field("/callbackUrl", callback, { label: t("form.callback"), hint: t("form.callback-hint") }),
  ];
  fields[1].element.append(zoneList());
  const read = () => ({
    locale: locale.value,
    timeZone: zone.value.trim(),
    title: title.value.trim() || null,
    callbackUrl: callback.value.trim() || null,
  });
  return { fields, read };
}

function localeName(tag) {
  return new Intl.DisplayNames([apiLocale()], { type: "language" }).of(tag) ?? tag;
}
