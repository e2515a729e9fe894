// Photos that are selected, and what can be done with all of them at once.
// In: clicks on the grid. Out: ids; a ZIP, a list of paths, a search. Kept in this tab until cleared.

import { copyText, counted, icon, make } from "./elements.js";
import * as results from "./results.js";
import { showList } from "./select_list.js";
import * as state from "./state.js";
import { makeToast } from "./toast.js";
import * as words from "./words.js";

const KEPT = "photosearch.selected";
const LIKE = 20; // examples of one search
const HOLD_MS = 450;

const chosen = new Map(); // id -> path; null where it is not known
const listeners = new Set();
let anchor = null; // where a range of Shift and click begins
let bar = null;

export const has = (id) => chosen.has(id);
export const ids = () => [...chosen.keys()];
export const onChange = (fn) => {
  listeners.add(fn);
  return () => listeners.delete(fn);
};

export function toggle(id) {
  if (chosen.has(id)) chosen.delete(id);
  else add(id);
  anchor = id;
  changed();
}

export function clear() {
  chosen.clear();
  anchor = null;
  changed();
}

// All between the photo that was selected last and this one become what this one is to be.
export function reach(id, on = true) {
  const order = results.hits().map((hit) => hit.photo);
  const from = order.indexOf(anchor);
  const to = order.indexOf(id);
  if (from < 0 || to < 0) return chosen.has(id) === on ? undefined : toggle(id);
  for (const one of order.slice(Math.min(from, to), Math.max(from, to) + 1)) {
    if (on) add(one);
    else chosen.delete(one);
  }
  anchor = id;
  changed();
}

function add(id) {
  if (!chosen.has(id)) chosen.set(id, results.hits().find((hit) => hit.photo === id)?.path ?? null);
}

export function all() {
  for (const hit of results.hits()) if (!chosen.has(hit.photo)) chosen.set(hit.photo, hit.path);
  changed();
}

let keeping = 0;
function changed() {
  document.documentElement.classList.toggle("has-selection", chosen.size > 0);
  clearTimeout(keeping); // a range of a thousand is kept once
  keeping = setTimeout(keep, 50);
  draw();
  for (const fn of listeners) fn();
  mark();
}

// What the tiles show is what is selected, whoever made them.
function mark() {
  for (const tile of document.querySelectorAll(".tile[data-photo]")) {
    const on = chosen.has(tile.dataset.photo);
    tile.classList.toggle("selected", on);
    const box = tile.querySelector(".pick");
    if (box && box.checked !== on) box.checked = on;
  }
}

function keep() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify([...chosen]));
  } catch {
    // too many, or storage is switched off: they are kept until the page is left
  }
}

// ---- the page -----------------------------------------------------------------------------------

export function init() {
  try {
    for (const [id, path] of JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")) chosen.set(id, path);
  } catch {
    chosen.clear();
  }
  bar = build();
  document.getElementById("selection").append(bar.element, bar.toast.element);
  document.addEventListener("click", onClick, true);
  document.addEventListener("keydown", onKey);
  listenToHolding();
  results.onChange?.(() => {
    mark();
    for (const hit of results.hits()) if (chosen.has(hit.photo)) chosen.set(hit.photo, hit.path);
  });
  if (chosen.size) changed();
}

// Before anybody else: checkboxes; and with Shift held, or while photos are being selected by touch, a
// click on a photo, which would open it otherwise. Keys on photos are the grid's (keys.js).
function onClick(event) {
  const tile = event.target.closest?.(".tile[data-photo]");
  const box = event.target.closest?.(".pick");
  if (!tile || !(box || event.target.closest(".open"))) return;
  const wasHeld = held;
  held = false;
  if (!box && !wasHeld && !event.shiftKey && !(byTouch && chosen.size)) return;
  if (!box) event.preventDefault();
  event.stopPropagation();
  if (wasHeld) return;
  const id = tile.dataset.photo;
  if (event.shiftKey && anchor) reach(id, !chosen.has(id));
  else toggle(id);
}

function onKey(event) {
  const typing = event.target.closest?.("input:not([type=checkbox]):not([type=range]), textarea, select, dialog");
  if (typing || event.defaultPrevented) return;
  if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    if (!results.hits().length) return;
    event.preventDefault();
    all();
    say(`${counted(chosen.size, "photo")} selected: all that are on the page.`);
  }
}

// A finger that stays selects; from then on taps do, until nothing is selected any more.
let held = false;
let byTouch = false;

function listenToHolding() {
  let waiting = 0;
  let start = null;
  const stop = () => {
    clearTimeout(waiting);
    start = null;
  };
  document.addEventListener("pointerdown", (event) => {
    byTouch = event.pointerType === "touch";
    held = false;
    const tile = byTouch && event.target.closest?.(".tile[data-photo]");
    if (!tile || event.target.closest(".pick, .tools, .dots")) return;
    start = { x: event.clientX, y: event.clientY };
    waiting = setTimeout(() => {
      held = true;
      toggle(tile.dataset.photo);
      navigator.vibrate?.(15);
    }, HOLD_MS);
  });
  document.addEventListener("pointermove", (event) => {
    if (start && Math.hypot(event.clientX - start.x, event.clientY - start.y) > 10) stop();
  });
  for (const end of ["pointerup", "pointercancel", "scroll"]) document.addEventListener(end, stop, true);
  document.addEventListener("contextmenu", (event) => {
    if (held || (start && byTouch)) event.preventDefault();
  });
}

// ---- the bar ------------------------------------------------------------------------------------

function build() {
  const count = make("strong", { class: "sel-count" });
  const toast = makeToast();
  const button = (name, label, short, onclick) =>
    make("button", { type: "button", class: "button", "aria-label": label, title: label, onclick }, icon(name),
      make("span", {}, short));
  // A form and not fetch(): the browser writes the archive to the disk as it comes.
  const fields = make("div", { hidden: true });
  const zip = make(
    "form",
    { method: "post", action: "/api/zip", class: "sel-zip" },
    fields,
    make("button", { class: "button is-first", type: "submit", title: "The originals, in one ZIP file" }, icon("download"),
      make("span", {}, "Download ZIP")),
  );
  zip.addEventListener("submit", () => {
    fields.replaceChildren(...ids().map((id) => make("input", { type: "hidden", name: "photos", value: id })));
    say("The download begins.");
  });
  const element = make(
    "div",
    { class: "sel", role: "region", "aria-label": "Selected photos", hidden: true },
    count,
    make(
      "div",
      { class: "sel-buttons" },
      zip,
      button("copy", "Copy the list of paths", "Copy paths", copyPaths),
      button("more", "Photos like these", "Photos like these", likeThese),
      button("close", "Clear the selection", "Clear", () => {
        clear();
        say("Nothing is selected.");
      }),
    ),
  );
  return { element, count, toast };
}

function draw() {
  if (!bar) return;
  const focused = bar.element.contains(document.activeElement);
  bar.element.hidden = !chosen.size;
  bar.count.textContent = `${chosen.size.toLocaleString("en")} selected`;
  if (focused && !chosen.size) (document.querySelector(".tile.current .open") ?? document.getElementById("q"))?.focus();
}

async function copyPaths() {
  const paths = [...chosen.values()].filter(Boolean);
  const done = await copyText(paths.join("\n"));
  if (done) say(`${counted(paths.length, "path")} copied, one a line.`);
  else showList(paths, bar.element);
}

function likeThese() {
  const some = ids().slice(0, LIKE);
  state.change({ q: words.onlyFilters(state.get().q), like: some, unlike: [], example: null, crop: "", sort: "", words: "", photo: null });
  if (chosen.size > LIKE) say(`Like the first ${LIKE} of them: a search takes no more examples.`);
  window.scrollTo({ top: 0 });
}

const say = (text) => bar.toast.say(text);
