// The picture of the lightbox: fitted, zoomed, moved.
// In: which photo, boxes in pixels of the upright photo. Out: an element; swipes and marked parts.
// Knows nothing of searching, nor of the page's state.

import { make } from "./elements.js";
import { makeBoxes } from "./lightbox_boxes.js";
import { makePart } from "./lightbox_part.js";
import { listen } from "./lightbox_pointers.js";

const CLOSEST = 8; // times the fitted size, or twice the photo's own pixels where that is more
const STEP = 1.5;
const SLOW_MS = 400; // a picture that is there sooner needs no sign that it is on its way

// explain(photo, hasPreview) → why its picture cannot be had, or "" where all is well.
export function makeStage({ onSwipe, onPart, onZoom, onLight, explain }) {
  let photo = null;
  let fitted = { width: 0, height: 0 }; // CSS pixels of the whole picture at zoom 1
  let zoom = 1;
  let at = { x: 0, y: 0 }; // of the frame's left top corner in the stage

  const low = make("img", { class: "stage-low", alt: "", draggable: "false" });
  const full = make("img", { class: "stage-full", alt: "", draggable: "false" });
  const boxes = makeBoxes({ photo: () => photo, onLight });
  const part = makePart({ photo: () => photo, onPart });
  const frame = make("div", { class: "stage-frame" }, low, full, ...boxes.elements, part.element);
  const note = make("p", { class: "stage-note", role: "status", hidden: true });
  const wait = make("span", { class: "lb-wait stage-wait", "aria-hidden": "true", hidden: true });
  const element = make("div", { class: "stage" }, frame, wait, note);

  // ---- the picture ------------------------------------------------------------------------

  function show(next) {
    const other = photo?.id !== next.id;
    photo = next;
    if (other) {
      say("");
      low.classList.remove("is-absent");
      stopMarking();
      boxes.set([]);
      full.classList.remove("is-there");
      full.removeAttribute("src");
      low.src = next.low;
      load(next);
    }
    low.alt = next.alt; // the other is the same picture
    boxes.fit(next);
    place();
  }

  const isShown = (wanted) => photo?.id === wanted.id;

  async function load(wanted) {
    const waiting = new Image();
    waiting.src = wanted.full;
    busy(true);
    try {
      await waiting.decode();
      if (!isShown(wanted)) return;
      full.src = wanted.full;
      full.classList.add("is-there");
    } catch {
      // what the preview shows is better than nothing
    }
    const said = await explain(wanted, waiting, low);
    if (!isShown(wanted)) return;
    busy(false);
    say(said);
  }

  let slow = 0;
  function busy(on) {
    clearTimeout(slow);
    if (on) element.setAttribute("aria-busy", "true");
    else element.removeAttribute("aria-busy");
    wait.hidden = true;
    if (on) slow = setTimeout(() => (wait.hidden = false), SLOW_MS);
  }

  function say(text) {
    note.textContent = text;
    note.hidden = !text;
  }

  low.addEventListener("error", () => low.classList.add("is-absent")); // and no sign of a broken picture

  // The same picture with more pixels, once somebody looks closer.
  function sharpen(url) {
    if (!photo || photo.full === url) return;
    photo = { ...photo, full: url };
    load(photo);
  }

  // ---- where it lies ----------------------------------------------------------------------

  function place({ keep = false } = {}) {
    if (!photo) return;
    const { clientWidth: wide, clientHeight: high } = element;
    if (!wide || !high) return;
    const share = Math.min(wide / photo.width, high / photo.height);
    // A small picture is shown up to three times its size, not blown up to the window.
    const scale = Math.min(share, 3);
    fitted = { width: photo.width * scale, height: photo.height * scale };
    frame.style.width = `${fitted.width}px`;
    frame.style.height = `${fitted.height}px`;
    if (!keep) zoom = 1;
    move(at.x, at.y);
    tellZoom();
  }

  const most = () => Math.max(CLOSEST, (2 * photo.width) / (fitted.width || 1));

  // Place the frame: in the middle where it is smaller than the stage, without a gap where larger.
  function move(x, y) {
    const limit = (value, size, room) =>
      size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, value));
    at = {
      x: limit(x, fitted.width * zoom, element.clientWidth),
      y: limit(y, fitted.height * zoom, element.clientHeight),
    };
    slide(0);
    frame.style.setProperty("--zoom", zoom);
  }

  // For the time of a swipe: aside from where it lies.
  function slide(x) {
    frame.style.transform = `translate(${at.x + x}px, ${at.y}px) scale(${zoom})`;
  }

  // Zoom so that the point (x, y) of the stage stays where it is.
  function zoomTo(wanted, x = element.clientWidth / 2, y = element.clientHeight / 2, smooth = true) {
    if (!photo) return;
    const next = Math.min(Math.max(wanted, 1), most());
    frame.classList.toggle("is-smooth", smooth);
    const left = x - ((x - at.x) / zoom) * next;
    const top = y - ((y - at.y) / zoom) * next;
    zoom = next;
    move(left, top);
    tellZoom();
  }

  function tellZoom() {
    element.classList.toggle("is-zoomed", zoom > 1.001);
    const share = photo ? (fitted.width * zoom) / photo.width : null;
    onZoom({ zoom, share, least: zoom <= 1.001, most: photo ? zoom >= most() - 0.001 : true });
  }

  const zoomIn = () => zoomTo(zoom * STEP);
  const zoomOut = () => zoomTo(zoom / STEP);
  const fit = () => zoomTo(1);
  const isZoomed = () => zoom > 1.001;
  // Between the whole picture and its own pixels (or two and a half times, where those are no more).
  const toggle = (x, y) =>
    zoomTo(isZoomed() ? 1 : Math.max(photo.width / fitted.width, 2.5), x, y);
  const shift = (x, y) => {
    frame.classList.add("is-smooth");
    move(at.x + x, at.y + y);
  };

  const toPhoto = (point) => ({
    x: Math.min(Math.max(((point.x - at.x) / (fitted.width * zoom)) * photo.width, 0), photo.width),
    y: Math.min(Math.max(((point.y - at.y) / (fitted.height * zoom)) * photo.height, 0), photo.height),
  });

  const holds = (point) =>
    point.x >= at.x && point.y >= at.y &&
    point.x <= at.x + fitted.width * zoom && point.y <= at.y + fitted.height * zoom;

  // ---- marking a part ---------------------------------------------------------------------

  function startMarking() {
    if (!photo) return;
    fit();
    element.classList.add("is-marking");
    part.start();
  }

  function stopMarking() {
    element.classList.remove("is-marking");
    part.stop();
  }

  const steady = () => frame.classList.remove("is-smooth");
  const view = {
    isEmpty: () => !photo, zoom: () => zoom, at: () => ({ ...at }),
    zoomTo, move, slide, steady, toggle, holds, toPhoto,
  };
  listen(element, view, part, onSwipe);
  new ResizeObserver(() => {
    steady();
    place({ keep: true });
  }).observe(element);

  function clear() {
    stopMarking();
    busy(false);
    say("");
    photo = null;
    low.removeAttribute("src");
    full.removeAttribute("src");
    full.classList.remove("is-there");
    boxes.set([]);
    zoom = 1;
    tellZoom();
  }

  return {
    element, show, say, sharpen, clear, zoomIn, zoomOut, fit, shift, isZoomed, startMarking, stopMarking,
    setBoxes: boxes.set, light: boxes.light, nudge: part.nudge, marked: part.marked, isMarking: part.isOn,
  };
}
