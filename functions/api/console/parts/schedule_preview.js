// Next runs of a schedule, as the API calculates them. They are updated when the form changes.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { dateTime, days } from "../lib/format.js";
import { detailsOf } from "./notices.js";
import { empty, table } from "./elements.js";
import { t } from "../words/words.js";

const PAUSE_MS = 400;

/** @param {import("../lib/shapes.js").PreviewRun[]} runs @param {string} zone of the schedule */
export function previewTable(runs, zone) {
  if (runs.length === 0) return empty(t("preview.none"));
  return table(t("preview.title"), [{ label: `${t("preview.at")} (${zone})` }], runs.map((run) => [[
    h("time", { datetime: run.at, title: run.at }, localTime(run, zone)),
    run.from && run.to && h("span", { class: "hint" }, t("preview.period", { days: days(run.from, run.to) })),
    run.note && clockChange(run.note),
  ]]));
}

/** Creates the hint that a clock change affects a run. @param {string} text the API's sentence */
function clockChange(text) {
  const moved = /^The run is later, because (\d\d:\d\d)/.exec(text);
  const twice = /^(\d\d:\d\d) occurs twice/.exec(text);
  if (moved !== null) return h("span", { class: "hint" }, t("preview.moved", { time: moved[1] }));
  if (twice !== null) return h("span", { class: "hint" }, t("preview.twice", { time: twice[1] }));
  return h("span", { class: "hint", lang: "en" }, text);
}

function localTime(run, zone) {
  try {
    return dateTime(run.at, zone);
  } catch {
    return run.localTime; // this browser does not know the time zone
  }
}

/**
 * @param {() => Object<string, any>} read returns the schedule without name and request
 * @param {AbortSignal} signal
 * @param {(fieldErrors: import("../lib/api.js").FieldError[]) => void} showErrors
 * @returns {{element: HTMLElement, refresh: () => void}}
 */
export function livePreview(read, signal, showErrors) {
  const shown = h("div", { "aria-live": "off" });
  let pending = new AbortController();
  let timer = 0;
  const load = async () => {
    pending.abort();
    pending = new AbortController();
    const schedule = read();
    try {
      const { data } = await call("POST", "schedules/preview", { body: schedule, signal: AbortSignal.any([signal, pending.signal]) });
      put(shown, previewTable(data.runs, schedule.timeZone));
      showErrors([]);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      put(shown, h("p", { class: "soft" }, t("preview.unknown")), detailsOf(error.detail));
      showErrors(error.fieldErrors);
    }
  };
  const refresh = () => { clearTimeout(timer); timer = setTimeout(load, PAUSE_MS); };
  return { element: h("section", { class: "card" }, h("h2", {}, t("preview.title")), shown), refresh };
}
