// Charts of a report as SVG, each with a table. Heights and angles are computed from floats; all values in text are exact.

import { h, put, svg } from "../lib/dom.js";
import { amount, day } from "../lib/format.js";
import { table } from "./elements.js";
import { pageLocale, t } from "../words/words.js";

const HEIGHT = 190;
const MARGIN = { top: 8, right: 4, bottom: 22, left: 52 };
const RING = { size: 160, outer: 76, inner: 46 };
const SHADES = 6;
const LABEL_PX = 76;

/** @param {import("../lib/shapes.js").Chart} chart @param {boolean} hasCurrencies whether series are currencies */
export function drawChart(chart, hasCurrencies) {
  const drawings = h("div", { class: "drawings" });
  const many = chart.series.length > 1;
  const only = chart.unit === "amount" && chart.series[0]?.name; // with several series, each panel has its own name
  for (const series of chart.series) {
    const drawing = h("div", { class: "drawing" });
    put(drawings, ...drawings.childNodes, h("div", { class: "panel" }, many && h("p", { class: "strong" }, series.name), drawing));
    if (chart.kind === "time") redrawOnResize(drawing, (width) => columns(chart.labels, series.values, width));
    else put(drawing, chart.kind === "share" ? share(chart.labels, series.values) : bars(chart.labels, series.values));
  }
  const unit = t(chart.unit === "amount" ? "chart.amount" : "chart.rows");
  const hint = many || !only ? unit : hasCurrencies ? `${unit} · ${only}` : only;
  return h("figure", { class: `chart ${chart.kind}` },
    h("figcaption", {}, h("h3", {}, chart.title), hint !== chart.title && h("span", { class: "hint" }, hint)),
    chart.labels.length > 0 ? drawings : h("p", { class: "soft" }, t("chart.nothing")),
    chart.seriesOmitted > 0 && h("p", { class: "hint" }, t("chart.left-out", { n: chart.seriesOmitted })),
    chart.labels.length > 0 && h("details", {}, h("summary", {}, t("chart.as-table"), h("span", { class: "screen-reader-only" }, `: ${chart.title}`)), asTable(chart, unit)));
}

function asTable(chart, unit) {
  const heads = [{ label: t("chart.what") }, ...chart.series.map(({ name }) => ({ label: name || unit, isNumber: true }))];
  return table(chart.title, heads, chart.labels.map((label, index) =>
    [day(label), ...chart.series.map(({ values }) => amount(values[index] ?? null))]), true);
}

/** Returns a number for heights and angles; 0 for NaN and infinity. */
function finite(text) {
  const value = Number(text);
  return Number.isFinite(value) ? value : 0;
}

/** Draws in the available width, so that text has the same size on narrow screens. */
function redrawOnResize(element, draw) {
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width || now === 0) return;
    width = now;
    put(element, draw(width));
  }).observe(element);
}

/** Draws columns over time, or a line if columns would be too thin. */
function columns(labels, values, width) {
  const numbers = values.map(finite);
  const [low, high, step] = scale(Math.min(0, ...numbers), Math.max(0, ...numbers));
  const plot = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const y = (value) => MARGIN.top + ((high - value) / (high - low)) * plot.height;
  const each = plot.width / numbers.length;
  const x = (index) => MARGIN.left + each * index;
  const marks = each >= 5
    ? numbers.map((value, index) => svg("rect", {
      class: value < 0 ? "mark negative" : "mark",
      x: x(index) + each * 0.15, width: each * 0.7, y: y(Math.max(0, value)), height: Math.max(0.5, Math.abs(y(value) - y(0))),
    }, svg("title", {}, `${day(labels[index])}: ${amount(values[index])}`)))
    : svg("polyline", { class: "line", points: numbers.map((value, index) => `${x(index) + each / 2},${y(value)}`).join(" ") });
  return svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" },
    grid(low, high, step, y, width), marks,
    svg("line", { class: "zero", x1: MARGIN.left, x2: width, y1: y(0), y2: y(0) }), timeLabels(labels, x, each, plot.width));
}

function grid(low, high, step, y, width) {
  const lines = [];
  for (let value = low; value <= high + step / 2; value += step) {
    lines.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width, y1: y(value), y2: y(value) }),
      svg("text", { class: "axis-label", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  return lines;
}

/** Draws as many labels as fit. */
function timeLabels(labels, x, each, width) {
  const every = Math.ceil(labels.length / Math.max(1, Math.floor(width / LABEL_PX)));
  const end = MARGIN.left + width;
  const position = (middle) => (middle + LABEL_PX / 2 > end ? { x: end, "text-anchor": "end" } : { x: middle, "text-anchor": "middle" });
  return labels.map((label, index) => index % every === 0 &&
    svg("text", { class: "axis-label", y: HEIGHT - 5, ...position(x(index) + each / 2) }, day(label)));
}

/** Formats a value of an axis with three significant digits, which distinguish its steps, also below 1. */
function short(value) {
  return new Intl.NumberFormat(pageLocale(), { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

/** Returns minimum, maximum and step of an axis with about four round steps. */
function scale(min, max) {
  const span = max - min || 1;
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  return [Math.floor(min / step) * step, Math.ceil(max / step) * step || step, step];
}

/** Draws horizontal bars from a zero line. The largest comes first, the sum of all others last. */
function bars(labels, values) {
  const numbers = values.map(finite);
  const low = Math.min(0, ...numbers);
  const span = Math.max(0, ...numbers) - low || 1;
  const x = (value) => ((value - low) / span) * 100;
  const bar = (value) => svg("svg", { class: "bar", "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 10" },
    svg("rect", { class: value < 0 ? "mark negative" : "mark", x: x(Math.min(0, value)), width: (Math.abs(value) / span) * 100, height: 10 }),
    low < 0 && svg("line", { class: "zero", x1: x(0), x2: x(0), y1: -2, y2: 12 }));
  return h("ul", { class: "tally" }, bySize(labels, numbers).map((index) => h("li", {},
    h("span", { class: "name" }, h("bdi", {}, labels[index])), bar(numbers[index]), h("span", { class: "value" }, amount(values[index])))));
}

/** Returns the indexes of categories, sorted by value. @param {string[]} labels @param {number[]} numbers */
function bySize(labels, numbers) {
  const isOther = (/** @type {number} */ index) => index === labels.length - 1 && labels[index].startsWith(`${t("chart.other")} (`);
  return labels.map((_, index) => index)
    .sort((one, other) => Number(isOther(one)) - Number(isOther(other)) || numbers[other] - numbers[one]);
}

function share(labels, values) {
  const numbers = values.map((value) => Math.max(0, finite(value)));
  const all = numbers.reduce((sum, each) => sum + each, 0) || 1;
  const percent = new Intl.NumberFormat(pageLocale(), { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  let from = 0;
  const slices = numbers.map((value, index) => {
    const to = from + value / all;
    const slice = value > 0 && svg("path", { class: `shade-${Math.min(index, SHADES - 1)}`, d: slicePath(from, to) });
    from = to;
    return slice;
  });
  return h("div", { class: "ring" },
    svg("svg", { width: RING.size, height: RING.size, viewBox: "-80 -80 160 160", "aria-hidden": "true" }, slices),
    h("ul", { class: "legend" }, labels.map((label, index) => h("li", {},
      svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, svg("rect", { class: `shade-${Math.min(index, SHADES - 1)}`, width: 12, height: 12 })),
      h("span", { class: "name" }, label), h("span", { class: "value" }, amount(values[index])),
      h("span", { class: "value soft" }, percent.format(numbers[index] / all))))));
}

/** Returns the path of a segment of the ring, between two fractions of the circle. */
function slicePath(from, to) {
  const end = Math.min(to, from + 0.99999); // SVG does not draw an arc with identical ends
  const at = (part, radius) => `${radius * Math.sin(2 * Math.PI * part)} ${-radius * Math.cos(2 * Math.PI * part)}`;
  const large = end - from > 0.5 ? 1 : 0;
  return `M ${at(from, RING.outer)} A ${RING.outer} ${RING.outer} 0 ${large} 1 ${at(end, RING.outer)} `
    + `L ${at(end, RING.inner)} A ${RING.inner} ${RING.inner} 0 ${large} 0 ${at(from, RING.inner)} Z`;
}
