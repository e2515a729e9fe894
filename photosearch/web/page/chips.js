// What is asked beside the text: photos to be like or unlike, an image of one's own. Each can be taken away.
// In: the state. Out: chips below the box.

import * as api from "./api.js";
import { icon, make } from "./elements.js";
import * as example from "./example.js";
import * as results from "./results.js";
import * as state from "./state.js";
import { nameOf } from "./tile.js";

const names = new Map(); // id → file name, of photos that were hits
let shown = null; // URL of the example's own picture

export function init() {
  results.onChange(() => {
    for (const hit of results.hits()) names.set(hit.photo, nameOf(hit.path));
  });
  state.onChange((_, { changed }) => {
    if (["like", "unlike", "example", "crop"].some((name) => changed.has(name))) show();
  });
  show();
}

async function show() {
  const asked = state.get();
  const list = document.getElementById("chips");
  const chips = [];
  const blob = asked.example ? await example.blobOf(asked.example) : null;
  if (asked !== state.get()) return; // another one is being shown already
  if (blob) chips.push(exampleChip(asked, blob));
  const isPart = Boolean(asked.crop) && !asked.example && asked.like.length === 1;
  for (const id of asked.like) chips.push(photoChip("like", id, isPart));
  for (const id of asked.unlike) chips.push(photoChip("unlike", id));
  if (chips.length > 1) {
    const all = { like: [], unlike: [], example: null, crop: "" };
    const clear = make("button", { type: "button", class: "chip-all", onclick: () => state.change(all) }, "Remove all");
    chips.push(make("li", {}, clear));
  }
  list.replaceChildren(...chips);
  list.hidden = !chips.length;
}

// A photo that was no hit here, such as that of a bookmark.
async function findName(id) {
  names.set(id, ""); // asked for once
  try {
    const { paths } = await api.photo(id);
    names.set(id, nameOf(paths[0]));
    show();
  } catch {
    // Not of the library any more: it stays "a photo", and the results say why.
  }
}

function photoChip(list, id, isPart = false) {
  if (!names.has(id)) findName(id);
  const name = `${isPart ? "this part of " : ""}${names.get(id) || "a photo"}`;
  const less = list === "unlike";
  const remove = () => {
    const left = state.get()[list].filter((one) => one !== id);
    state.change({ [list]: left, crop: "" });
    document.getElementById("q").focus();
  };
  const picture = make("img", { src: `/api/photo/${id}/preview?size=240`, alt: "" });
  return chip(picture, less ? "less" : "more", less ? "−" : "+", `${less ? "Less" : "More"} like ${name}`, remove, () =>
    state.change({ photo: id }),
  );
}

function exampleChip(asked, blob) {
  if (shown) URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(blob);
  const picture = make("img", { src: shown, alt: "" });
  picture.addEventListener("error", () => picture.replaceWith(icon("camera"))); // HEIC, which browsers do not draw
  const text = asked.crop ? "Like a part of your image" : "Like your image";
  return chip(picture, "more", "", text, () => {
    state.change({ example: null, crop: "" });
    document.getElementById("q").focus();
  });
}

function chip(picture, kind, sign, text, remove, open = null) {
  const face = [
    picture,
    make("span", { class: "sign", "aria-hidden": "true" }, sign),
    make("span", { class: "chip-text" }, text),
  ];
  return make(
    "li",
    { class: `chip ${kind}` },
    open ? make("button", { type: "button", class: "chip-face", onclick: open, title: "Open" }, ...face) : make("span", { class: "chip-face" }, ...face),
    make("button", { type: "button", class: "round cross small", "aria-label": `Remove: ${text}`, onclick: remove }),
  );
}
