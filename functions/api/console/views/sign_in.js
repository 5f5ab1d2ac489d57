// Signing in: with a key, or without one where this machine needs none.

import { h, put } from "../lib/dom.js";
import { field, input } from "../forms/fields.js";
import { during, problemBox } from "../parts/notices.js";
import { IDLE_MINUTES } from "../lib/idle.js";
import { findProvider, leaveForProvider } from "../lib/oidc.js";
import { focusHeading } from "../lib/router.js";
import { findKeyless, signIn } from "../lib/session.js";
import { t } from "../words/words.js";

/**
 * @param {HTMLElement} main
 * @param {import("../lib/api.js").Problem | null} problem why the session before has ended
 * @param {() => void} done
 */
export function showSignIn(main, problem, done) {
  const key = field("/key", input({ type: "password", autocomplete: "off", name: "key" }),
    { label: t("sign-in.key"), hint: t("sign-in.hint"), isRequired: true });
  const typed = /** @type {HTMLInputElement} */ (key.element.querySelector("input"));
  const trouble = h("div", {}, problem && problemBox(problem));
  const keyless = h("div");
  const provider = h("div");
  const send = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    during(event.submitter, trouble, async () => {
      await signIn(typed.value.trim());
      done();
    });
  };
  put(main, h("section", { class: "sign-in" },
    h("h1", {}, t("sign-in.title")),
    h("p", { class: "soft" }, t("sign-in.about")),
    trouble,
    provider,
    h("form", { class: "card", onsubmit: send },
      key.element,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, t("sign-in.button"))),
      h("p", { class: "hint" }, t("sign-in.kept", { minutes: IDLE_MINUTES }))),
    keyless));
  focusHeading(main);
  offerKeyless(keyless, trouble, done);
  offerProvider(provider, trouble);
}

async function offerKeyless(place, trouble, done) {
  const user = await findKeyless();
  if (user === null || !place.isConnected) return;
  const enter = (event) => during(event.currentTarget, trouble, async () => { await signIn(null); done(); });
  put(place, h("div", { class: "card plain" },
    h("p", {}, t("sign-in.keyless", { tenant: user.tenantName })),
    h("button", { type: "button", onclick: enter }, t("sign-in.keyless-button"))));
}

async function offerProvider(place, trouble) {
  const provider = await findProvider();
  if (provider === null || !place.isConnected) return;
  const leave = (event) => during(event.currentTarget, trouble, () => leaveForProvider(provider));
  put(place, h("button", { type: "button", class: "primary wide", onclick: leave }, t("sign-in.provider")), h("p", { class: "or soft" }, t("sign-in.or")));
}
