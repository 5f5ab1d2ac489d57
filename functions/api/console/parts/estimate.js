// Estimate of a request before it is sent.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, duration, number } from "../lib/format.js";
import { runAction, announce } from "./notices.js";
import { fact } from "./elements.js";
import { many, say, t } from "../words/words.js";

/**
 * @param {() => import("../lib/shapes.js").ReportRequest} read
 * @param {AbortSignal} signal
 * @param {(problem: Problem) => void} showProblem
 * @param {() => void} clearProblem removes an earlier problem
 * @returns {{element: HTMLElement, outdate: () => void}} `outdate` marks the estimate as outdated
 */
export function estimateCard(read, signal, showProblem, clearProblem) {
  const shown = h("div", { class: "estimate" }, h("p", { class: "soft" }, t("estimate.about")));
  const problemArea = h("div");
  const request = async () => {
    try {
      const { data } = await call("POST", "reports/estimate", { body: read(), signal });
      clearProblem();
      put(shown, facts(data));
      shown.classList.remove("old");
      announce(`${t(data.isExact ? "estimate.rows" : "estimate.about-rows")}: ${number(data.rows)}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      put(shown, h("p", { class: "soft" }, t("estimate.about")));
      showProblem(error);
    }
  };
  const press = (event) => runAction(event.currentTarget, problemArea, request);
  const element = h("section", { class: "card" }, h("h2", {}, t("estimate.title")), shown, problemArea,
    h("button", { type: "button", onclick: press }, t("estimate.button")));
  return { element, outdate: () => shown.querySelector("dl") && shown.classList.add("old") };
}

function facts(/** @type {import("../lib/shapes.js").Estimate} */ estimate) {
  const about = (text) => (estimate.isExact ? text : `≈ ${text}`);
  return [
    h("dl", { class: "facts" },
      fact(t("estimate.rows"), about(number(estimate.rows))),
      estimate.keys !== null && fact(t("estimate.keys"), about(number(estimate.keys))),
      estimate.files.map((file) => fact(file.format,
        [`≈ ${bytes(file.bytes)}`, file.pages !== null && h("span", { class: "soft" }, ` · ${many("estimate.pages", file.pages, number(file.pages))}`)])),
      fact(t("estimate.time"), `≈ ${duration(estimate.seconds)}`),
      fact(t("estimate.queue"), estimate.queue.ahead === 0 ? t("estimate.queue-none")
        : [many("estimate.ahead", estimate.queue.ahead, number(estimate.queue.ahead)), estimate.queue.seconds !== null && ` · ≈ ${duration(estimate.queue.seconds)}`])),
    estimate.warnings.map(warning),
    h("p", { class: "hint stale" }, t("estimate.stale")),
  ];
}

/** Creates a warning in the console's language, or with the message of the API if the console does not know its code. */
function warning({ code, values, detail }) {
  const show = (value) => (Array.isArray(value) ? value.join(", ") : number(value));
  const words = say("estimate-warning", code, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, show(value)])));
  return h("p", { class: code === "no-rows" ? "notice wait" : "hint", lang: words === code ? "en" : null }, words === code ? detail : words);
}
