// Progress of a report: bar, rows, and remaining time or position in the queue.

import { h, newId, put } from "../lib/dom.js";
import { dateTime, duration, number, percent as showPercent } from "../lib/format.js";
import { announce } from "./notices.js";
import { many, say, t } from "../words/words.js";
import { ownZone } from "../lib/zones.js";

const ANNOUNCED_PERCENT = 25;

/** @returns {{element: HTMLElement, update: (report: import("../lib/shapes.js").Report) => void}} */
export function progressCard() {
  const id = newId();
  const bar = /** @type {HTMLProgressElement} */ (h("progress", { max: 100, "aria-labelledby": id }));
  const title = h("span", { class: "strong", id });
  const percent = h("span", { class: "percent" });
  const line = h("p", { class: "soft numbers" });
  const splitLine = h("p", { class: "soft numbers", hidden: true });
  const element = h("section", { class: "card progress", hidden: true }, h("div", { class: "spread" }, title, percent), bar, line, splitLine);
  let announced = 0;
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
      const splitParts = describeSplit(report);
      splitLine.hidden = splitParts.length === 0;
      put(splitLine, splitParts.join(" · "));
      const step = Math.floor((progress.percent ?? 0) / ANNOUNCED_PERCENT);
      if (step > announced) announce(showPercent(step * ANNOUNCED_PERCENT));
      announced = Math.max(announced, step);
    },
  };
}

/** Describes the dependency that a report waits for. @param {NonNullable<import("../lib/shapes.js").Report["waitingFor"]>} waitingFor */
function waiting({ dependency, since, nextAttemptAt }) {
  return t("progress.waiting-for", { dependency: say("dependency", dependency), since: dateTime(since), next: dateTime(nextAttemptAt), zone: ownZone() });
}

/** Describes the files, workers and parts of a split report. @param {import("../lib/shapes.js").Report} report @returns {string[]} */
function describeSplit({ split, formats }) {
  if (split === null || split.keys === null) return [];
  const { keys, keysDone, filesFailed, shards } = split;
  const files = (/** @type {number} */ count) => number(count * formats.length);
  return [
    t("split.files", { done: files(keysDone), all: files(keys) }),
    filesFailed > 0 ? many("split.files-failed", filesFailed, number(filesFailed)) : "",
    shards.total > 0 ? t("split.shards", { done: number(shards.done), all: number(shards.total) }) : "",
    shards.generating > 0 ? many("split.workers", shards.generating, number(shards.generating)) : "",
  ].filter(Boolean);
}

function describe(/** @type {import("../lib/shapes.js").Progress} */ progress) {
  const position = progress.queuePosition ?? null;
  const parts = [
    position !== null && (position === 0 ? t("progress.next") : many("estimate.ahead", position, number(position))),
    progress.rowsExpected !== null && t("progress.rows", { done: number(progress.rowsDone), all: number(progress.rowsExpected) }),
    (progress.etaSeconds ?? null) !== null && t("progress.left", { time: duration(Math.ceil(progress.etaSeconds)) }),
  ];
  return parts.filter(Boolean).join(" · ") || t(progress.stage === "counting" ? "progress.counting" : "progress.soon");
}
