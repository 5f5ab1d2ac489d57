// Dialog that creates or edits a destination of files.

import { call, Problem } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { field, input, showErrors } from "./fields.js";
import { runAction, openDialog, problemBox } from "../parts/notices.js";
import { t } from "../words/words.js";

/** Settings of a bucket, in the order of the form, with their labels and hints. */
const SETTINGS = [
  ["bucket", "destinations.bucket", null],
  ["path", "destinations.path", "destinations.path-hint"],
  ["region", "destinations.region", "destinations.region-hint"],
  ["roleArn", "destinations.role", "destinations.role-hint"],
  ["secretName", "destinations.secret", "destinations.secret-hint"],
  ["endpointUrl", "destinations.endpoint", "destinations.endpoint-hint"],
  ["kmsKeyArn", "destinations.kms", "destinations.kms-hint"],
  ["bucketOwner", "destinations.owner", "destinations.owner-hint"],
];

/** Placeholders of the names of files, for hints: words with braces are filled in. */
const PLACEHOLDERS = Object.fromEntries(["file", "type", "date", "year", "month", "day", "report"].map((name) => [name, `{${name}}`]));

/**
 * @param {import("../lib/shapes.js").FileDestination | null} destination to edit; null creates one
 * @param {(saved: any) => void} done is called with the response of the API
 */
export function openDestinationForm(destination, done) {
  const before = destination?.settings ?? {};
  const name = input({ value: destination?.name ?? "", maxlength: 100 });
  const inputs = SETTINGS.map(([key]) => input({ value: before[key] ?? (key === "path" ? "{type}/{date}/{file}" : "") }));
  const fields = [
    field("/name", name, { label: t("keys.name"), isRequired: true }),
    ...SETTINGS.map(([key, label, hint], index) =>
      field(`/settings/${key}`, inputs[index], { label: t(label), hint: hint && t(hint, PLACEHOLDERS), isRequired: key === "bucket" })),
  ];
  const read = () => {
    const values = SETTINGS.map(([key], index) => [key, inputs[index].value.trim()]).filter(([, value]) => value !== "");
    const body = { name: name.value.trim(), settings: Object.fromEntries(values) };
    return destination === null ? { ...body, kind: "S3" } : body;
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
    return [h("form", { onsubmit: send, novalidate: true }, fields.map(({ element }) => element), problemArea,
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary" }, t("page.save")),
        h("button", { type: "button", onclick: close }, t("page.cancel"))))];
  });
}
