// Dialog that adds an OpenPGP certificate.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { field, input, showErrors } from "./fields.js";
import { runAction, openDialog, problemBox } from "../parts/notices.js";
import { t } from "../words/words.js";

/** @param {(added: any) => void} done is called with the response of the API */
export function openCertificateForm(done) {
  const name = input({ maxlength: 100 });
  const certificate = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: "8", spellcheck: "false", placeholder: "-----BEGIN PGP PUBLIC KEY BLOCK-----" }));
  const fields = [
    field("/name", name, { label: t("keys.name"), isRequired: true }),
    field("/certificate", certificate, { label: t("certificates.certificate"), hint: t("certificates.hint"), isRequired: true }),
  ];
  openDialog(t("certificates.add"), (close) => {
    const problemArea = h("div");
    const save = async () => {
      showErrors(fields, []);
      try {
        const { data } = await call("POST", "certificates", { body: { name: name.value.trim(), certificate: certificate.value } });
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
        h("button", { type: "submit", class: "primary" }, t("page.save")),
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}
