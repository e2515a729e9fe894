// The grid of results: sections of justified rows, and the way through them by keys.
// In: hits. Out: tiles on the page, in the order they are read. Fetches nothing.

import { make } from "./elements.js";
import { aspectOf, justify } from "./rows.js";
import { makeTile, placeTile, tryAgain as loadAgain, updateTile } from "./tile.js";

let root;
let tiles = new Map(); // id → tile
let sections = []; // {key, ids, list, section, boxes}
let current = null; // id of the tile that Tab leads to
let width = 0;
let scale = 1;

const phone = matchMedia("(max-width: 40em)");

export function init(element, size) {
  root = element;
  scale = size;
  new ResizeObserver(() => {
    const now = Math.floor(root.clientWidth);
    if (now && now !== width) keepingPlace(relayout);
  }).observe(root);
}

// The size of the pictures: 1 is what suits the window.
export function resize(size) {
  scale = size;
  keepingPlace(relayout);
}

export const currentTile = () => tiles.get(current);

// groups: [{key, title, hits}], as they are to be read. more: of what is there, not of another query.
export function show(groups, { more = false } = {}) {
  const kept = new Map();
  const hadFocus = root.contains(document.activeElement);
  const before = new Map(sections.map((one) => [one.key, one]));
  width = Math.floor(root.clientWidth);
  sections = groups.map(({ key, title, hits }) => {
    const one = before.get(key) ?? makeSection(key);
    before.delete(key);
    setTitle(one, title);
    const ids = hits.map((hit) => hit.photo);
    for (const hit of hits) {
      let tile = tiles.get(hit.photo);
      if (!tile) tile = makeTile(hit);
      else if (tile.hit !== hit) updateTile(tile, hit);
      kept.set(hit.photo, tile);
    }
    const known = one.ids.length;
    if (known <= ids.length && one.ids.every((id, at) => id === ids[at])) {
      one.list.append(...ids.slice(known).map((id) => kept.get(id)));
    } else one.list.replaceChildren(...ids.map((id) => kept.get(id)));
    one.ids = ids;
    return one;
  });
  tiles = kept;
  for (const one of before.values()) one.section.remove();
  sections.forEach((one, at) => {
    if (root.children[at] !== one.section) root.insertBefore(one.section, root.children[at] ?? null);
  });
  for (const one of sections) layout(one);
  // Tab and the arrow keys lead to the best hit of a new query, unless they are among the photos.
  const stays = (more || hadFocus) && tiles.has(current);
  setCurrent(stays ? current : (sections[0]?.ids[0] ?? null));
  // The photo that had the keyboard may be gone, or have moved: it is not lost on the way.
  if (hadFocus && !root.contains(document.activeElement)) focusOn(current, { scroll: false });
}

// The pictures that did not come: the server may be back.
export function tryAgain() {
  for (const tile of tiles.values()) if (tile.classList.contains("failed")) loadAgain(tile);
}

function makeSection(key) {
  const section = make("section", { class: key === "weak" ? "group weak-group" : "group" });
  const list = make("ol", { class: "rows", role: "list" });
  section.append(list);
  return { key, ids: [], list, section, boxes: [] };
}

function setTitle(one, title) {
  const heading = one.section.querySelector("h2");
  if (heading?.textContent === (title ?? "")) return;
  heading?.remove();
  if (title) one.section.prepend(make("h2", {}, title));
}

// About how high a row is: more and larger pictures on larger screens.
function rowHeight() {
  const wide = width || root.clientWidth;
  const base = wide < 520 ? 118 : wide < 900 ? 168 : wide < 1500 ? 206 : wide < 2300 ? 232 : 300;
  // Whoever reads large letters needs the room for them on each photo, too.
  const letters = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return base * scale * Math.min(Math.max(letters, 1), 1.6);
}

function layout(one) {
  const aspects = one.ids.map((id) => {
    const { hit } = tiles.get(id);
    return aspectOf(hit.width, hit.height);
  });
  one.boxes = justify(aspects, width, rowHeight(), phone.matches ? 4 : 8);
  one.ids.forEach((id, at) => placeTile(tiles.get(id), one.boxes[at]));
}

function relayout() {
  width = Math.floor(root.clientWidth);
  for (const one of sections) layout(one);
}

// What is at the top of the window stays there.
function keepingPlace(change) {
  const edge = document.querySelector(".top").offsetHeight;
  let seen = null;
  if (window.scrollY > 0) {
    for (const tile of tiles.values()) {
      const { top, bottom } = tile.getBoundingClientRect();
      if (bottom > edge) {
        seen = { tile, top };
        break;
      }
    }
  }
  change();
  if (seen) window.scrollBy(0, seen.tile.getBoundingClientRect().top - seen.top);
}

// --- by keys ---

export function setCurrent(id) {
  if (id === current && tiles.get(id)?.classList.contains("current")) return;
  for (const [one, on] of [[tiles.get(current), false], [tiles.get(id), true]]) {
    if (!one) continue;
    one.classList.toggle("current", on);
    for (const part of one.querySelectorAll("a, button, input")) part.tabIndex = on ? 0 : -1;
  }
  current = id;
}

export function focusOn(id, { scroll = true } = {}) {
  const tile = tiles.get(id);
  if (!tile) return false;
  setCurrent(id);
  tile.querySelector(".open").focus({ preventScroll: true });
  if (scroll) tile.scrollIntoView({ block: "nearest" });
  return true;
}

// All rows, over all sections: [[{id, x, width}, …], …].
function allRows() {
  const rows = [];
  for (const one of sections) {
    const first = rows.length;
    one.boxes.forEach((box, at) => {
      const row = (rows[first + box.row] ??= []);
      row.push({ id: one.ids[at], middle: box.x + box.width / 2 });
    });
  }
  return rows;
}

// Where an arrow key leads from the current photo: its id, or null.
export function neighbour(key) {
  const rows = allRows();
  const at = rows.findIndex((row) => row.some(({ id }) => id === current));
  if (at < 0) return null;
  const inRow = rows[at].findIndex(({ id }) => id === current);
  const flat = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (flat) {
    return (rows[at][inRow + flat] ?? (flat < 0 ? rows[at - 1]?.at(-1) : rows[at + 1]?.[0]))?.id ?? null;
  }
  if (key === "Home") return rows[0][0].id;
  if (key === "End") return rows.at(-1).at(-1).id;
  const target = rows[at + { ArrowUp: -1, ArrowDown: 1 }[key]];
  if (!target) return null;
  const { middle } = rows[at][inRow];
  const distance = (one) => Math.abs(one.middle - middle);
  return target.reduce((best, one) => (distance(one) < distance(best) ? one : best)).id;
}
