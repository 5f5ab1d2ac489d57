// Dialog that creates an API key with its name, scopes and expiry.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { chip, chosen, field, group, input, select, showErrors } from "./fields.js";
import { runAction, openDialog, problemBox } from "../parts/notices.js";
import { currentUser } from "../lib/session.js";
import { say, t } from "../words/words.js";

const DAYS = ["30", "90", "365"];
const OFFERED = ["reports:read", "reports:write"];

/** Opens the dialog. Only the scopes of the user are offered, because a user cannot grant others. @param {(made: {name: string, key: string}) => void} done */
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
    const problemArea = h("div");
    const save = async () => {
      showErrors(fields, []);
      const body = { name: name.value.trim(), scopes: chosen(scopes.element), expiresInDays: Number(days.value) };
      try {
        const { data } = await call("POST", "api-keys", { body });
        close();
        done(data);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        put(problemArea, problemBox(error, showErrors(fields, error.fieldErrors)));
      }
    };
    const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); runAction(event.submitter, problemArea, save); };
    return [h("form", { onsubmit: send, novalidate: true }, fields.map(({ element }) => element), problemArea,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, t("keys.create")),
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}
