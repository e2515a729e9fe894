// A form for a request of the API: it is asked here, and the answer is shown.
// In: an operation of openapi.json. Out: elements.

import { code } from "./docs_code.js";
import { exampleOf, idOf, resolved, samplePhoto } from "./docs_schema.js";
import { make } from "./elements.js";
import { bytesInWords } from "./lightbox_format.js";

const SHOWN = 200_000; // characters of an answer that are shown

export function trial(operation, parameters, body) {
  const { path, method } = operation;
  const id = idOf(operation);
  const fields = parameters.map((one) => [one, fieldFor(one, id)]);
  let content = null;
  if (body?.isFile) content = make("input", { type: "file", accept: "image/*", id: `${id}-body` });
  else if (body) {
    content = make("textarea", { id: `${id}-body`, rows: "2", spellcheck: "false" });
    content.value = body.example;
  }
  const out = make("div", { class: "api-out", "aria-live": "polite" });
  const form = make("form", { class: "api-form" },
    fields.map(([one, field]) => make("div", { class: "api-field" },
      make("label", { for: field.id }, one.name, one.required ? make("span", { class: "api-needed" }, " needed") : null), field)),
    content ? make("div", { class: "api-field is-wide" }, make("label", { for: content.id }, "Body"), content) : null,
    make("button", { class: "api-send", type: "submit" }, `Send ${method}`));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send({ path, method, fields, body, content, out });
  });
  return make("details", { class: "api-try" }, make("summary", {}, "Try it"), form, out);
}

function fieldFor(one, id) {
  const schema = resolved(one.schema);
  const kinds = (schema.anyOf ?? [schema]).map(resolved);
  const choice = kinds.find((kind) => kind.enum)?.enum ?? (kinds.some((kind) => kind.type === "boolean") ? ["true", "false"] : null);
  const attributes = { id: `${id}-${one.name}`, name: one.name };
  if (choice) {
    return make("select", attributes, make("option", { value: "" }, schema.default === undefined || schema.default === null ? "" : `(${schema.default})`),
      choice.map((value) => make("option", { value }, value)));
  }
  const field = make("input", {
    ...attributes, type: "text", autocomplete: "off", spellcheck: "false",
    placeholder: schema.default !== undefined && schema.default !== null && String(schema.default) ? String(schema.default) : null,
  });
  if (one.in === "path" || one.required) field.value = exampleOf(one) || (one.in === "path" ? samplePhoto() : "");
  return field;
}

async function send({ path, method, fields, body, content, out }) {
  const query = new URLSearchParams();
  let address = path;
  for (const [{ name, in: where, schema }, field] of fields) {
    const value = field.value.trim();
    if (where === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (value && resolved(schema).type === "array") for (const one of value.split(/[\s,]+/)) query.append(name, one);
    else if (value) query.append(name, value);
  }
  if (query.size ?? [...query].length) address += `?${query}`;
  const options = { method };
  if (body?.isFile && !content.files.length) {
    out.replaceChildren(make("p", { class: "api-status is-bad" }, "Choose an image first: it is the body."));
    return content.focus();
  }
  if (body) {
    options.body = body.isFile ? content.files[0] : content.value;
    options.headers = { "Content-Type": body.isFile ? content.files[0]?.type || "application/octet-stream" : body.kind };
  }
  out.replaceChildren(make("p", {}, "Asking …"));
  const began = performance.now();
  try {
    const answer = await fetch(address, options);
    const blob = await answer.blob();
    const took = Math.max(1, Math.round(performance.now() - began));
    const kind = (answer.headers.get("content-type") ?? "").split(";")[0];
    const line = make("p", { class: answer.ok ? "api-status" : "api-status is-bad" },
      `${answer.status} ${answer.statusText}`.trim(), ` · ${took} ms · ${bytesInWords(blob.size)} · ${kind}`);
    out.replaceChildren(make("p", { class: "api-asked" }, make("code", {}, `${method} ${address}`)), line, await shown(blob, kind));
  } catch (error) {
    out.replaceChildren(make("p", { class: "api-status is-bad" }, `No answer: ${error.message}`));
  }
}

async function shown(blob, kind) {
  if (kind.startsWith("image/")) {
    const image = make("img", { class: "api-image", alt: "The answer, a picture" });
    image.src = URL.createObjectURL(blob);
    return image;
  }
  if (kind !== "application/json") {
    const link = make("a", { download: "answer" }, "Save the answer");
    link.href = URL.createObjectURL(blob);
    return make("p", {}, link);
  }
  let text = await blob.text();
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // as it came
  }
  return code(text.length > SHOWN ? `${text.slice(0, SHOWN)}\n…` : text, "The answer");
}
