// The API's own page, made from /openapi.json: every request, what it takes, how it is asked with
// curl, and a form to ask it here. Loads nothing from elsewhere.

import { bytesInWords } from "./lightbox_panel.js";
import { copyText, icon, make } from "./elements.js";

const SHOWN = 200_000; // characters of an answer that are shown
const TITLES = { search: "Searching", photos: "Photos", library: "The library" };

let api = null;
let sample = "PHOTO"; // the id of a photo that really is in this library

const resolved = (schema) =>
  schema?.$ref ? resolved(schema.$ref.split("/").slice(1).reduce((at, part) => at?.[part], api)) : (schema ?? {});

async function start() {
  const requests = document.getElementById("requests");
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    api = await answer.json();
  } catch (error) {
    requests.replaceChildren(make("p", { class: "problem" }, `openapi.json cannot be read: ${error.message}.`));
    return;
  }
  try {
    const found = await (await fetch("/api/search?k=1")).json();
    sample = found.hits?.[0]?.photo ?? sample;
  } catch {
    // the examples then name no photo of this library
  }
  document.getElementById("version").textContent = `version ${api.info.version}`;
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })));
  const groups = Map.groupBy ? Map.groupBy(operations, groupOf) : grouped(operations);
  requests.replaceChildren(...[...groups].map(([name, some]) =>
    make("section", { "aria-labelledby": `group-${slug(name)}` },
      make("h2", { id: `group-${slug(name)}` }, name), some.map(article))));
  document.getElementById("list").append(...[...groups].flatMap(([name, some]) => [
    make("p", { class: "api-group" }, name),
    make("ul", {}, some.map((one) => make("li", {},
      make("a", { href: `#${idOf(one)}` }, badge(one.method), make("span", {}, ...breakable(one.path.replace("/api", ""))))))),
  ]));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function groupOf({ path, tags }) {
  const tag = tags?.[0];
  if (tag) return TITLES[tag] ?? tag[0].toUpperCase() + tag.slice(1);
  return /photo|zip|open/.test(path) ? TITLES.photos : TITLES.library;
}

function grouped(operations) {
  const groups = new Map();
  for (const one of operations) groups.set(groupOf(one), [...(groups.get(groupOf(one)) ?? []), one]);
  return groups;
}

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
const idOf = ({ path, method }) => slug(`${method} ${path.replace("/api", "")}`);
const breakable = (path) => path.split(/(?=[/{])/).flatMap((part) => [part, make("wbr")]);
const badge = (method) => make("span", { class: `api-method is-${method.toLowerCase()}` }, method);

// ---- one request --------------------------------------------------------------------------------

function article(operation) {
  const { path, method, description, summary } = operation;
  const id = idOf(operation);
  const parameters = operation.parameters ?? [];
  const parts = [
    make("h3", { id: `${id}-title` },
      make("a", { href: `#${id}`, class: "api-anchor" }, badge(method), make("code", {}, ...breakable(path)))),
    ...paragraphs(description ?? summary ?? ""),
  ];
  if (parameters.length) parts.push(table("Parameters", ["Name", "Value", "Meaning"], parameters.map(parameterRow)));
  const body = bodyOf(operation);
  if (body) parts.push(make("p", {}, "The body: ", body.words));
  parts.push(curl(operation, parameters, body));
  const answer = answerOf(operation);
  if (answer) parts.push(answer);
  parts.push(trial(operation, parameters, body));
  return make("article", { id, "aria-labelledby": `${id}-title` }, parts);
}

const paragraphs = (text) => text.split(/\n\s*\n/).filter(Boolean).map((one) => make("p", {}, ...inCode(one.replace(/\s+/g, " "))));

// `so` is code.
const inCode = (text) => (text ?? "").split("`").map((part, at) => (at % 2 ? make("code", {}, part) : part));

function table(title, heads, rows) {
  return make("div", { class: "api-scroll", tabindex: "0", role: "group", "aria-label": title },
    make("table", {}, make("caption", { class: "unseen" }, title),
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, rows)));
}

function parameterRow({ name, required, schema, description }) {
  return make("tr", {},
    make("th", { scope: "row" }, make("code", {}, name), required ? make("span", { class: "api-needed" }, " needed") : null),
    make("td", {}, typeOf(schema)),
    make("td", {}, ...inCode(description ?? schema?.description ?? "")));
}

function typeOf(given) {
  const schema = resolved(given);
  const kinds = (schema.anyOf ?? [schema]).map(resolved).filter((one) => one.type !== "null");
  const said = kinds.map((one) => {
    if (one.enum) return one.enum.join(", ");
    if (one.const !== undefined) return String(one.const);
    if (one.type === "array") return `${typeOf(one.items)}; repeatable${one.maxItems ? `, up to ${one.maxItems}` : ""}`;
    if (one.pattern?.includes("{64}")) return "id of a photo";
    if (one.type === "boolean") return "true, false";
    const limits = [one.minimum, one.maximum];
    if (limits[0] !== undefined && limits[1] !== undefined) {
      return `${one.type === "integer" ? "" : "number, "}${limits[0].toLocaleString("en")} to ${limits[1].toLocaleString("en")}`;
    }
    return { string: "text", integer: "whole number", object: "object" }[one.type] ?? one.type ?? "anything";
  });
  const standard = schema.default;
  const isSaid = standard !== undefined && standard !== "" && standard !== null && !(Array.isArray(standard) && !standard.length);
  return said.join(" or ") + (isSaid ? `; ${standard} if left out` : "");
}

function bodyOf({ requestBody }) {
  const content = requestBody && Object.entries(resolved(requestBody).content ?? {});
  if (!content?.length) return null;
  const [kind, { schema }] = content[0];
  if (kind === "application/json") {
    const fields = Object.keys(resolved(schema).properties ?? {});
    const example = JSON.stringify(Object.fromEntries(fields.map((name) => [name, name === "photo" ? sample : ""])));
    return { kind, example, words: `JSON with ${fields.join(", ")}` };
  }
  if (kind === "application/x-www-form-urlencoded") {
    const fields = Object.keys(resolved(schema).properties ?? {});
    return { kind, example: fields.map((name) => `${name}=${sample}`).join("&"), words: `a form: ${fields.map((name) => `${name}=ID&${name}=ID …`).join(", ")}` };
  }
  return { kind, isFile: true, words: "the bytes of an image" };
}

function curl(operation, parameters, body) {
  const { path, method } = operation;
  const query = parameters
    .filter((one) => one.in === "query" && (one.required || one.name === "q"))
    .map((one) => [one.name, exampleOf(one)]);
  const address = location.origin + path.replace(/\{(\w+)\}/g, (_, name) => (name.includes("photo") ? sample : name));
  const isPlain = /image|preview|file|zip/.test(path);
  let text = "curl";
  if (query.length && method === "GET") text += " -G";
  text += ` ${address}`;
  if (query.length) {
    if (method === "GET") text += query.map(([name, value]) => ` \\\n  --data-urlencode ${quote(`${name}=${value}`)}`).join("");
    else text += `?${new URLSearchParams(query.filter(([, value]) => value))}`.replace(/\?$/, "");
  }
  if (/[?&]/.test(text)) text = text.replace(/(http\S+\?\S+)/, "'$1'");
  if (body?.isFile) text += " \\\n  -H 'Content-Type: image/jpeg' --data-binary @example.jpg";
  else if (body?.kind === "application/json") text += ` \\\n  -H 'Content-Type: application/json' -d ${quote(body.example)}`;
  else if (body) text += ` \\\n  -d ${quote(body.example)}`;
  if (isPlain) text += ` \\\n  -o ${/zip/.test(path) ? "photos.zip" : /preview/.test(path) ? "preview.webp" : "photo.jpg"}`;
  return code(text, "The command");
}

// "'" in a shell's single quotes.
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Where the schema has no example.
const USUAL = { q: "in:2024 beach", what: "a dog, a ball" };

function exampleOf({ name, schema, example }) {
  const it = resolved(schema);
  if (["photo"].includes(name)) return sample;
  return String(example ?? it.examples?.[0] ?? USUAL[name] ?? "");
}

function code(text, what) {
  const said = make("span", { class: "api-said", role: "status" });
  const button = make("button", { type: "button", class: "api-copy", "aria-label": `Copy: ${what}`, title: "Copy" }, icon("copy"));
  button.addEventListener("click", async () => {
    said.textContent = (await copyText(text)) ? "copied" : "the browser refused";
    setTimeout(() => (said.textContent = ""), 2500);
  });
  return make("div", { class: "api-code" }, make("pre", { tabindex: "0", role: "group", "aria-label": what }, make("code", {}, text)), said, button);
}

function answerOf({ responses = {} }) {
  const good = Object.entries(responses).find(([status]) => status.startsWith("2"));
  const rows = [];
  const content = good && Object.entries(good[1].content ?? {})[0];
  const schema = content && content[0] === "application/json" ? resolved(content[1].schema) : null;
  const fields = Object.entries(schema?.properties ?? {});
  for (const [name, given] of fields) {
    const it = resolved(given);
    const kinds = (given.anyOf ?? [given]).map((one) => (resolved(one).type === "array" ? "list" : resolved(one).type)).filter(Boolean);
    rows.push(make("tr", {}, make("th", { scope: "row" }, make("code", {}, name)),
      make("td", {}, [...new Set(kinds)].map((kind) => ({ null: "or null", integer: "number", string: "text" }[kind] ?? kind)).join(" ")),
      make("td", {}, ...inCode(given.description ?? it.description ?? ""))));
  }
  const errors = Object.entries(responses).filter(([status]) => Number(status) >= 300);
  const parts = [];
  if (rows.length) parts.push(table("The answer", ["Field", "Value", "Meaning"], rows));
  else if (content && content[0] !== "application/json") {
    parts.push(make("p", {}, `${good[1].description ?? ""}: ${Object.keys(good[1].content).join(", ")}`));
  }
  if (errors.length) {
    parts.push(make("dl", { class: "api-errors" }, errors.map(([status, { description }]) =>
      make("div", {}, make("dt", {}, status), make("dd", {}, description ?? "")))));
  }
  if (!parts.length) return null;
  return make("details", {}, make("summary", {}, "The answer"), ...parts);
}

// ---- try it -------------------------------------------------------------------------------------

function trial(operation, parameters, body) {
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
  if (one.in === "path" || one.required) field.value = exampleOf(one) || (one.in === "path" ? sample : "");
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

start();
