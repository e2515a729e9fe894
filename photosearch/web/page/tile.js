// One photo of the results: its picture, why it is a hit, what can be done with it.
// In: a hit (docs/json.md). Out: an element. All text goes in as text.

import { previewUrl } from "./api.js";
import * as state from "./state.js";

export const nameOf = (path) => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);

const percent = (share) => `${Math.round(share * 100)} %`;
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

// taken_at is the wall-clock time where the photo was taken: its offset must not move it.
function dayOf(takenAt) {
  const day = takenAt && new Date(`${takenAt.slice(0, 10)}T00:00:00Z`);
  return day && !Number.isNaN(day.getTime()) ? DAY.format(day) : "";
}

let template;

export function makeTile(hit) {
  template ??= document.getElementById("tile-template").content.firstElementChild;
  const tile = template.cloneNode(true);
  const name = nameOf(hit.path);
  tile.dataset.photo = hit.photo;
  const image = tile.querySelector("img");
  image.alt = name; // the name of the link; the caption below says it to the eye alone
  image.addEventListener("load", () => {
    tile.classList.remove("failed");
    tile.classList.add("loaded");
    tile.querySelector(".absent").hidden = true;
  });
  image.addEventListener("error", () => markAbsent(tile));
  tile.querySelector(".pick").setAttribute("aria-label", `Select ${name}`);
  for (const [kind, label] of Object.entries(LABELS)) {
    const button = tile.querySelector(`.${kind}`);
    button.setAttribute("aria-label", `${label}: ${name}`);
    button.title = TITLES[kind] ?? label;
    button.dataset.label = label;
  }
  tile.querySelector(".name").textContent = name;
  tile.querySelector(".open").title = hit.path;
  updateTile(tile, hit);
  return tile;
}

// What each button says: to those who listen, on touch screens, and to a mouse that stays.
const LABELS = {
  dots: "What can be done",
  similar: "Photos like this",
  plus: "More of this",
  minus: "Less of this",
};
const TITLES = { similar: "Photos like this (s)", plus: "More of this (+)", minus: "Less of this (−)" };

// What differs from query to query. The picture stays, so that nothing flickers while somebody types.
export function updateTile(tile, hit) {
  tile.hit = hit;
  const link = tile.querySelector(".open");
  link.href = state.addressOf({ ...state.get(), photo: hit.photo });
  const why = tile.querySelector(".why");
  why.replaceChildren(...evidence(hit));
  const sure = tile.querySelector(".percent");
  sure.textContent = hit.relevance === null ? "" : percent(hit.relevance);
  sure.style.setProperty("--share", hit.relevance ?? 0);
  const time = tile.querySelector("time");
  time.textContent = dayOf(hit.taken_at);
  if (hit.taken_at) time.dateTime = hit.taken_at.slice(0, 10);
  tile.classList.toggle("weak", hit.relevance !== null && hit.relevance < 0.5);
  link.querySelector("svg")?.remove();
  const marks = marksOf(hit);
  if (marks) link.insertBefore(marks, link.querySelector(".absent"));
}

// The box is known now: the preview that fits it.
export function placeTile(tile, box) {
  const old = tile.box;
  tile.box = box;
  if (old?.width === box.width && old.height === box.height) return;
  tile.style.setProperty("--w", `${box.width}px`);
  tile.style.setProperty("--h", `${box.height}px`);
  const image = tile.querySelector("img");
  const url = previewUrl(tile.dataset.photo, longerSide(tile.hit, box));
  // A smaller window needs no smaller preview than is there already.
  if (!image.src || (sizeIn(url) > sizeIn(image.src) && !tile.classList.contains("failed"))) {
    image.src = url;
  }
}

// Of a picture that fills its box, cut off where it is longer.
function longerSide(hit, box) {
  const scale = Math.max(box.width / hit.width, box.height / hit.height);
  return Math.min(Math.max(hit.width, hit.height) * scale, 4 * box.height);
}

const sizeIn = (url) => Number(/size=(\d+)/.exec(url)?.[1] ?? 0);

function markAbsent(tile) {
  tile.classList.add("failed");
  const said = tile.querySelector(".absent");
  said.hidden = false;
  said.textContent = tile.hit.offline ? "offline: its folder is not there" : "no picture: the file is not there";
  if (!tile.triedAgain) absent.observe(tile);
}

// What failed may have been the moment's fault: it is tried once more when the photo comes back into view.
const absent = new IntersectionObserver((seen) => {
  for (const { target: tile, isIntersecting } of seen) {
    if (!isIntersecting) tile.wasAway = true;
    else if (tile.wasAway) tryAgain(tile);
  }
});

export function tryAgain(tile) {
  absent.unobserve(tile);
  tile.triedAgain = true;
  const image = tile.querySelector("img");
  image.src = image.src.replace(/(&again)?$/, "&again"); // another address: a failure may be kept, too
}

function* evidence(hit) {
  const { looks_like: looks, reads, region, geometry } = hit.evidence ?? {};
  if (hit.relevance !== null) {
    const bar = made("span", "meter");
    bar.style.setProperty("--share", hit.relevance);
    bar.setAttribute("aria-hidden", "true");
    yield bar;
    yield made("b", "", percent(hit.relevance));
  }
  if (reads) yield made("span", "printed", `reads “${reads.text}”`);
  if (looks?.relevance != null) yield made("span", "", `looks ${percent(looks.relevance)}`);
  else if (looks && hit.relevance === null) yield made("span", "", `likeness ${looks.cosine.toFixed(2)}`);
  if (region) yield made("span", "", "in the part marked");
  if (geometry) {
    const sure = geometry.inliers < 20 ? "perhaps the same thing" : "the same thing";
    yield made("span", "", `${sure}: ${geometry.inliers} points agree`);
  }
  if (hit.copies?.length) yield made("span", "", `${hit.copies.length + 1} copies`);
  if (hit.offline) yield made("span", "", "offline");
  const line = made("span", "line", nameOf(hit.path));
  line.setAttribute("aria-hidden", "true");
  const day = dayOf(hit.taken_at);
  yield line;
  if (day) yield made("span", "line", day);
}

function made(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text && `${text} `;
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

// Where the words are, and the part or the thing that fits: scaled and cut as the picture is.
function marksOf(hit) {
  const { reads, region, geometry } = hit.evidence ?? {};
  const shapes = (reads?.lines ?? []).map((line) => ["words", line.box]);
  if (region) shapes.push(["part", cornersOf(region.box)]);
  if (geometry) {
    const whole = geometry.corners?.every(Boolean) ? geometry.corners : cornersOf(geometry.box);
    shapes.push(["part", whole]);
  }
  if (!shapes.length) return null;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "marks");
  svg.setAttribute("viewBox", `0 0 ${hit.width} ${hit.height}`);
  svg.setAttribute("preserveAspectRatio", "xMidYMid slice");
  svg.setAttribute("aria-hidden", "true");
  for (const [kind, corners] of shapes) {
    const shape = document.createElementNS(SVG, "polygon");
    shape.setAttribute("class", kind);
    shape.setAttribute("points", corners.map((corner) => corner.join(",")).join(" "));
    svg.append(shape);
  }
  return svg;
}

const cornersOf = ([x0, y0, x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
