// View: sign-in with a key, at an identity provider, or without a key on a developer's machine.

import { h, put } from "../lib/dom.js";
import { field, input } from "../forms/fields.js";
import { runAction, problemBox } from "../parts/notices.js";
import { IDLE_MINUTES } from "../lib/idle.js";
import { findProvider, leaveForProvider } from "../lib/oidc.js";
import { focusHeading } from "../lib/router.js";
import { findKeyless, signIn } from "../lib/session.js";
import { t } from "../words/words.js";

/** Problems that another account would not have. */
const ASKS_AGAIN = new Set(["account-not-accepted", "role-missing", "sign-in-denied"]);

/**
 * @param {HTMLElement} main
 * @param {import("../lib/api.js").Problem | null} problem why the previous session ended
 * @param {() => void} done
 */
export function showSignIn(main, problem, done) {
  const key = field("/key", input({ type: "password", autocomplete: "off", name: "key" }),
    { label: t("sign-in.key"), hint: t("sign-in.hint"), isRequired: true });
  const typed = /** @type {HTMLInputElement} */ (key.element.querySelector("input"));
  const problemArea = h("div", {}, problem && problemBox(problem));
  const keyless = h("div");
  const provider = h("div");
  const send = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    runAction(event.submitter, problemArea, async () => {
      await signIn(typed.value.trim());
      done();
    });
  };
  put(main, h("section", { class: "sign-in" },
    h("h1", {}, t("sign-in.title")),
    h("p", { class: "soft" }, t("sign-in.about")),
    problemArea,
    provider,
    h("form", { class: "card", onsubmit: send },
      key.element,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, t("sign-in.button"))),
      h("p", { class: "hint" }, t("sign-in.kept", { minutes: IDLE_MINUTES }))),
    keyless));
  focusHeading(main);
  offerKeyless(keyless, problemArea, done);
  offerProvider(provider, problemArea, ASKS_AGAIN.has(problem?.code ?? ""));
}

async function offerKeyless(container, problemArea, done) {
  const user = await findKeyless();
  if (user === null || !container.isConnected) return;
  const enter = (event) => runAction(event.currentTarget, problemArea, async () => { await signIn(null); done(); });
  put(container, h("div", { class: "card plain" },
    h("p", {}, t("sign-in.keyless", { tenant: user.tenantName })),
    h("button", { type: "button", onclick: enter }, t("sign-in.keyless-button"))));
}

async function offerProvider(container, problemArea, asksAgain) {
  const provider = await findProvider();
  if (provider === null || !container.isConnected) return;
  const leave = (event) => runAction(event.currentTarget, problemArea, () => leaveForProvider(provider, { asksAgain }));
  put(container, h("button", { type: "button", class: "primary wide", onclick: leave }, t("sign-in.provider")), h("p", { class: "or soft" }, t("sign-in.or")));
}
