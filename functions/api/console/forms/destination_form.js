// Dialog that creates or edits a destination of files.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { field, input, readIds, select, showErrors } from "./fields.js";
import { runAction, openDialog, problemBox } from "../parts/notices.js";
import { t } from "../words/words.js";

/**
 * Settings of each kind, in the order of the form.
 * @type {Record<string, {key: string, label: string, hint?: string, isRequired?: boolean, value?: string, choices?: Record<string, string>}[]>}
 */
const SETTINGS = {
  S3: [
    { key: "bucket", label: "destinations.bucket", isRequired: true },
    { key: "path", label: "destinations.path", hint: "destinations.path-hint", value: "{type}/{date}/{file}" },
    { key: "region", label: "destinations.region", hint: "destinations.region-hint" },
    { key: "roleArn", label: "destinations.role", hint: "destinations.role-hint" },
    { key: "secretName", label: "destinations.secret", hint: "destinations.secret-hint" },
    { key: "endpointUrl", label: "destinations.endpoint", hint: "destinations.endpoint-hint" },
    { key: "kmsKeyArn", label: "destinations.kms", hint: "destinations.kms-hint" },
    { key: "bucketOwner", label: "destinations.owner", hint: "destinations.owner-hint" },
  ],
  SFTP: [
    { key: "host", label: "destinations.host", isRequired: true },
    { key: "port", label: "destinations.port", value: "22" },
    { key: "user", label: "destinations.user", isRequired: true },
    { key: "secretName", label: "destinations.secret", hint: "destinations.login-hint", isRequired: true },
    { key: "hostKeys", label: "destinations.host-keys", hint: "destinations.host-keys-hint", isRequired: true },
    { key: "directory", label: "destinations.directory", hint: "destinations.directory-hint" },
    { key: "path", label: "destinations.path", hint: "destinations.path-hint", value: "{type}/{date}/{file}" },
  ],
  EMAIL: [
    { key: "recipients", label: "destinations.recipients", hint: "destinations.recipients-hint", isRequired: true },
    { key: "attach", label: "destinations.attach", hint: "destinations.attach-hint", value: "false",
      choices: { false: "destinations.attach-no", true: "destinations.attach-yes" } },
    { key: "fileName", label: "destinations.file-name", hint: "destinations.file-name-hint", value: "{file}" },
  ],
};

/** Placeholders of the names of files, for hints: words with braces are filled in. */
const PLACEHOLDERS = Object.fromEntries(["file", "type", "date", "year", "month", "day", "report"].map((name) => [name, `{${name}}`]));

/**
 * @param {import("../lib/shapes.js").FileDestination | null} destination to edit; null creates one
 * @param {(saved: any) => void} done is called with the response of the API
 */
export function openDestinationForm(destination, done) {
  const name = input({ value: destination?.name ?? "", maxlength: 100 });
  const kind = select(destination?.kind ?? "S3", { S3: t("destinations.kind-s3"), SFTP: t("destinations.kind-sftp"), EMAIL: t("destinations.kind-email") });
  const settings = h("div");
  /** @type {import("./fields.js").Field[]} */
  let fields = [];
  /** @type {(HTMLInputElement | HTMLSelectElement)[]} */
  let inputs = [];
  const show = () => {
    const before = destination?.settings ?? {};
    const known = SETTINGS[kind.value];
    inputs = known.map(({ key, value = "", choices }) => {
      const text = [before[key] ?? value].flat().join(" ");
      return choices ? select(text, Object.fromEntries(Object.entries(choices).map(([each, label]) => [each, t(label)]))) : input({ value: text });
    });
    const more = known.map(({ key, label, hint, isRequired }, index) =>
      field(`/settings/${key}`, inputs[index], { label: t(label), hint: hint && t(hint, PLACEHOLDERS), isRequired }));
    fields = [nameField, ...more, certificatesField];
    put(settings, more.map(({ element }) => element));
  };
  const nameField = field("/name", name, { label: t("keys.name"), isRequired: true });
  const certificates = input({ value: (destination?.encryptFor ?? []).join(", "), placeholder: "crt_…" });
  const certificatesField = field("/encryptFor", certificates, { label: t("form.encrypt-for"), hint: t("destinations.encrypt-for-hint") });
  const kindField = field("/kind", kind, { label: t("destinations.kind"), isRequired: true });
  kind.addEventListener("change", show);
  show();
  const read = () => {
    const values = SETTINGS[kind.value].map(({ key }, index) => [key, inputs[index].value.trim()]).filter(([, value]) => value !== "");
    const body = { name: name.value.trim(), settings: Object.fromEntries(values.map(([key, value]) => [key, parse(key, value)])), encryptFor: readIds(certificates) };
    return destination === null ? { ...body, kind: kind.value } : body;
  };
  openDialog(t(destination ? "destinations.edit-title" : "destinations.add"), (close) => {
    const problemArea = h("div");
    const save = async () => {
      showErrors(fields, []);
      try {
        const { data } = destination
          ? await call("PATCH", `destinations/${destination.id}`, { body: read() })
          : await call("POST", "destinations", { body: read() });
        close();
        done(data);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        put(problemArea, problemBox(error, showErrors(fields, error.fieldErrors)));
      }
    };
    const send = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); runAction(event.submitter, problemArea, save); };
    return [h("form", { onsubmit: send, novalidate: true }, nameField.element, destination === null && kindField.element, settings, certificatesField.element, problemArea,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, t("page.save")),
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}

/** Returns the value of a setting. Lists are separated by spaces; that of a public key is before its content. @param {string} key @param {string} value */
function parse(key, value) {
  if (key === "port") return /^[0-9]+$/.test(value) ? Number(value) : value;
  if (key === "attach") return value === "true";
  if (key === "recipients") return value.split(/[\s,;]+/).filter(Boolean);
  return key === "hostKeys" ? value.match(/(ssh|ecdsa)-\S+ +\S+|\S+/g) : value;
}
