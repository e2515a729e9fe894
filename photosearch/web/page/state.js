// What is asked and shown: one record, which lives in the address of the page.
// In: changes. Out: the record, to whoever listens. Back and Forward are changes, too.

const PHOTO = /^[0-9a-f]{64}$/;
const SORTS = ["relevance", "date", "oldest", "name"];

const EMPTY = Object.freeze({
  q: "", // as typed, with its qualifiers
  like: [], // photos of the library: more of these
  unlike: [], // less of these
  example: null, // key of an image that lives in this tab alone (example.js)
  crop: "", // X,Y,W,H: the part of the one example that counts
  sort: "", // "": best first, or newest first where nothing is looked for
  words: "", // "true": printed words alone, "false": looks alone
  small: false, // parts of photos are compared, too
  photo: null, // the one that is open
});

let now = read(location.search);
const listeners = new Set();

export const get = () => now;

// fn(state, {changed: Set of names, how: "push" | "replace" | "pop", before: the state it was, …details})
export function onChange(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

// Merge a patch. replace: Back does not lead to what was before. details: for those who listen.
export function change(patch, { replace = false, ...details } = {}) {
  const next = Object.freeze({ ...now, ...patch });
  const changed = differences(now, next);
  if (!changed.size) return;
  const url = addressOf(next);
  if (replace) history.replaceState({ ...history.state, example: next.example }, "", url);
  else {
    remember(leaving());
    history.pushState({ example: next.example }, "", url);
  }
  tell(next, { changed, how: replace ? "replace" : "push", ...details });
}

// Everything as an address of this page says, such as that of a link in it.
export const go = (address) => change({ ...read(new URL(address, location.href).search) });

// Something of this entry of the history that is no part of the address, such as how far it is scrolled.
export const remember = (patch) => history.replaceState({ ...history.state, ...patch }, "");
export const remembered = () => history.state ?? {};

// fn() → what is to be remembered of an entry when another one follows it.
let leaving = () => ({});
export const onLeave = (fn) => void (leaving = fn);

export function addressOf(state) {
  const made = new URLSearchParams();
  for (const name of ["q", "sort", "words", "crop", "photo"]) {
    if (state[name]) made.set(name, state[name]);
  }
  if (state.small) made.set("small", "true");
  for (const name of ["like", "unlike"]) for (const id of state[name]) made.append(name, id);
  if (state.example) made.set("example", state.example);
  const text = made.toString();
  return text ? `/?${text}` : "/";
}

function read(text) {
  const given = new URLSearchParams(text);
  const ids = (name) => [...new Set(given.getAll(name))].filter((id) => PHOTO.test(id));
  const one = (name, is) => (is(given.get(name) ?? "") ? given.get(name) : EMPTY[name]);
  return Object.freeze({
    q: given.get("q") ?? "",
    like: ids("like"),
    unlike: ids("unlike"),
    example: given.get("example") || null,
    crop: given.get("crop") ?? "",
    sort: one("sort", (value) => SORTS.includes(value)),
    words: one("words", (value) => ["true", "false"].includes(value)),
    small: given.get("small") === "true",
    photo: one("photo", (value) => PHOTO.test(value)),
  });
}

function differences(one, other) {
  return new Set(
    Object.keys(EMPTY).filter((name) => String(one[name] ?? "") !== String(other[name] ?? "")),
  );
}

function tell(next, details) {
  const before = now;
  now = next;
  for (const fn of [...listeners]) fn(now, { ...details, before });
}

window.addEventListener("popstate", () => {
  const next = read(location.search);
  tell(next, { changed: differences(now, next), how: "pop" });
});
