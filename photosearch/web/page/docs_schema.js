// What a schema of OpenAPI says, in words, and a request as a command of curl.
// In: an operation of openapi.json. Out: text.

let api = null; // the whole document, for its references
let sample = "PHOTO"; // the id of a photo that really is in this library

export function know(document, photo) {
  api = document;
  sample = photo ?? sample;
}

export const samplePhoto = () => sample;

export const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
// What an operation is named in the address of the page.
export const idOf = ({ path, method }) => slug(`${method} ${path.replace("/api", "")}`);

export const resolved = (schema) =>
  schema?.$ref ? resolved(schema.$ref.split("/").slice(1).reduce((at, part) => at?.[part], api)) : (schema ?? {});

export function typeOf(given) {
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

export function bodyOf({ requestBody }) {
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

// The request as it is asked from a terminal.
export function curl(operation, parameters, body) {
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
  return text;
}

// "'" in a shell's single quotes.
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Where the schema has no example.
const USUAL = { q: "in:2024 beach", what: "a dog, a ball" };

export function exampleOf({ name, schema, example }) {
  const it = resolved(schema);
  if (["photo"].includes(name)) return sample;
  return String(example ?? it.examples?.[0] ?? USUAL[name] ?? "");
}

