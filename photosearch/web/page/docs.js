// The API's own page, made from /openapi.json: every request, what it takes, how it is asked with
// curl, and a form to ask it here. Loads nothing from elsewhere.

import { code } from "./docs_code.js";
import { bodyOf, curl, idOf, know, resolved, slug, typeOf } from "./docs_schema.js";
import { trial } from "./docs_try.js";
import { make } from "./elements.js";

const TITLES = { search: "Searching", photos: "Photos", library: "The library" };

async function start() {
  const requests = document.getElementById("requests");
  let api = null;
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    api = await answer.json();
  } catch (error) {
    requests.replaceChildren(make("p", { class: "problem" }, `openapi.json cannot be read: ${error.message}.`));
    return;
  }
  know(api, await samplePhoto());
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

// The id of a photo of this library; null where it is empty.
const samplePhoto = () =>
  fetch("/api/search?k=1").then((answer) => answer.json()).then((found) => found.hits[0].photo).catch(() => null);

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
  parts.push(code(curl(operation, parameters, body), "The command"));
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

start();
