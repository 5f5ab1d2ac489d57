// Creating an API key: its name, what it may do, and until when.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { chip, chosen, field, group, input, select, showErrors } from "./fields.js";
import { during, openDialog, problemBox } from "../parts/notices.js";
import { currentUser } from "../lib/session.js";
import { say, t } from "../words/words.js";

const DAYS = ["30", "90", "365"];
const OFFERED = ["reports:read", "reports:write"];

/** A key may do no more than its creator: only those scopes are offered. @param {(made: {name: string, key: string}) => void} done */
export function openKeyForm(done) {
  const name = input({ maxlength: 100 });
  const scopes = group("/scopes", (currentUser()?.scopes ?? []).map((each) => chip("checkbox", "scopes", each, say("scope", each), OFFERED.includes(each))),
    { label: t("keys.scopes"), hint: t("keys.scopes-hint"), isRequired: true });
  const days = select("90", new Map(DAYS.map((each) => [each, t("keys.days", { n: each })])));
  const fields = [
    field("/name", name, { label: t("keys.name"), hint: t("keys.name-hint"), isRequired: true }), scopes,
    field("/expiresInDays", days, { label: t("keys.expires-in") }),
  ];
  openDialog(t("keys.create"), (close) => {
    const trouble = h("div");
    const save = async () => {
      showErrors(fields, []);
      const body = { name: name.value.trim(), scopes: chosen(scopes.element), expiresInDays: Number(days.value) };
      try {
        const { data } = await call("POST", "api-keys", { body });
        close();
        done(data);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        put(trouble, problemBox(error, showErrors(fields, error.fieldErrors)));
      }
    };
    const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); during(event.submitter, trouble, save); };
    return [h("form", { onsubmit: send, novalidate: true }, fields.map(({ element }) => element), trouble,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, t("keys.create")),
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}
