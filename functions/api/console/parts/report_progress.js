// How far a report is: a bar, the rows, the time left or the place in the queue.

import { h, newId, put } from "../lib/dom.js";
import { dateTime, duration, number, percent as showPercent } from "../lib/format.js";
import { tell } from "./notices.js";
import { many, say, t } from "../words/words.js";
import { ownZone } from "../lib/zones.js";

const TOLD_PERCENT = 25;

/** @returns {{element: HTMLElement, update: (report: import("../lib/shapes.js").Report) => void}} */
export function progressCard() {
  const id = newId();
  const bar = /** @type {HTMLProgressElement} */ (h("progress", { max: 100, "aria-labelledby": id }));
  const title = h("span", { class: "strong", id });
  const percent = h("span", { class: "percent" });
  const line = h("p", { class: "soft numbers" });
  const element = h("section", { class: "card progress", hidden: true }, h("div", { class: "spread" }, title, percent), bar, line);
  let told = 0;
  return {
    element,
    update(report) {
      const { progress } = report;
      element.hidden = report.status !== "PENDING" && report.status !== "GENERATING";
      if (element.hidden) return;
      title.textContent = progress.stage ? say("stage", progress.stage) : say("status", report.status);
      percent.textContent = progress.percent === null ? "" : showPercent(progress.percent);
      if (progress.percent === null) bar.removeAttribute("value");
      else bar.value = progress.percent;
      put(line, report.waitingFor ? waiting(report.waitingFor) : describe(progress));
      const step = Math.floor((progress.percent ?? 0) / TOLD_PERCENT);
      if (step > told) tell(showPercent(step * TOLD_PERCENT));
      told = Math.max(told, step);
    },
  };
}

/** What a report waits for, and until when. @param {NonNullable<import("../lib/shapes.js").Report["waitingFor"]>} waitingFor */
function waiting({ dependency, since, nextAttemptAt }) {
  return t("progress.waiting-for", { dependency: say("dependency", dependency), since: dateTime(since), next: dateTime(nextAttemptAt), zone: ownZone() });
}

function describe(/** @type {import("../lib/shapes.js").Progress} */ progress) {
  const place = progress.queuePosition ?? null;
  const parts = [
    place !== null && (place === 0 ? t("progress.next") : many("estimate.ahead", place, number(place))),
    progress.rowsExpected !== null && t("progress.rows", { done: number(progress.rowsDone), all: number(progress.rowsExpected) }),
    (progress.etaSeconds ?? null) !== null && t("progress.left", { time: duration(Math.ceil(progress.etaSeconds)) }),
  ];
  return parts.filter(Boolean).join(" · ") || t(progress.stage === "counting" ? "progress.counting" : "progress.soon");
}
