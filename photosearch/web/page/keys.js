// Keys and clicks on the photos: open, select, more and less like this, from one to the next.
// In: events. Out: changes of the state and of the selection.

import * as grid from "./grid.js";
import * as results from "./results.js";
import * as searchbox from "./searchbox.js";
import * as select from "./select.js";
import * as state from "./state.js";
import * as words from "./words.js";

const MOST_EXAMPLES = 20; // of one query, each way

let help = () => {};
let filters = () => {};

export function init(root, { onHelp, onFilters }) {
  help = onHelp;
  filters = onFilters;
  root.addEventListener("click", onClick);
  root.addEventListener("focusin", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) grid.setCurrent(tile.dataset.photo);
  });
  root.addEventListener("keydown", onTileKey);
  document.addEventListener("keydown", onKey);
  select.onChange(() => closeDots()); // on a phone the bar of the selection would be below its sheet
  document.addEventListener("pointerdown", (event) => closeDots(event.target.closest?.(".tile")));
}

export const open = (id) => state.change({ photo: id });

export function similar(id) {
  const q = words.onlyFilters(state.get().q);
  state.change({ q, like: [id], unlike: [], example: null, crop: "", sort: "", words: "" });
}

export function more(id, list = "like") {
  const other = list === "like" ? "unlike" : "like";
  const asked = state.get();
  if (asked[list].includes(id)) return;
  state.change({
    [list]: [...asked[list], id].slice(-MOST_EXAMPLES),
    [other]: asked[other].filter((one) => one !== id),
    crop: "",
  });
}

export const less = (id) => more(id, "unlike");

function closeDots(except = null) {
  for (const tile of document.querySelectorAll(".tile.shown")) {
    if (tile === except) continue;
    tile.classList.remove("shown");
    tile.querySelector(".dots").setAttribute("aria-expanded", "false");
  }
}

function onClick(event) {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  const id = tile.dataset.photo;
  const part = event.target.closest("a, button, input");
  if (part?.matches(".tools button")) closeDots();
  if (part?.matches(".open")) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(id);
  } else if (part?.matches(".dots")) {
    const isShown = tile.classList.toggle("shown");
    part.setAttribute("aria-expanded", String(isShown));
    closeDots(tile);
  } else if (part?.matches(".similar")) similar(id);
  else if (part?.matches(".plus")) more(id);
  else if (part?.matches(".minus")) less(id);
}

function onTileKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const tile = event.target.closest(".tile");
  if (!tile) return;
  const id = tile.dataset.photo;
  const onPicture = event.target.matches(".open");
  if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
    event.preventDefault();
    const next = grid.neighbour(event.key);
    if (next) grid.focusOn(next);
    else if (event.key === "ArrowUp") searchbox.focus();
    else if (event.key === "ArrowDown" || event.key === "ArrowRight") onward(event.key);
    return;
  }
  const does = {
    " ": onPicture && (() => (event.shiftKey ? select.reach(id) : select.toggle(id))),
    x: () => select.toggle(id),
    X: () => select.reach(id),
    s: () => similar(id),
    "+": () => more(id),
    "=": () => more(id),
    "-": () => less(id),
    "−": () => less(id),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

async function onward(key) {
  if (!(await results.loadMore())) return;
  const next = grid.neighbour(key);
  if (next) grid.focusOn(next);
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (state.get().photo || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.("input:not([type=checkbox], [type=range]), textarea, select")) return;
  const does = {
    "/": () => searchbox.focus(),
    "?": () => help(),
    f: () => filters(),
    Escape: () => leave(),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

// One step back from wherever one is: a menu, the selection, the photos.
function leave() {
  if (document.querySelector(".tile.shown")) closeDots();
  else if (document.documentElement.classList.contains("drawer")) filters(false);
  else if (select.ids().length) select.clear();
  else searchbox.focus();
}
