// The picture of the lightbox: fitted, zoomed, moved, with boxes drawn on it and a part marked.
// In: which photo, boxes in pixels of the upright photo. Out: an element; swipes and marked parts.
// Knows nothing of searching, nor of the page's state.

import { make, makeSvg } from "./elements.js";

const CLOSEST = 8; // times the fitted size, or twice the photo's own pixels where that is more
const STEP = 1.5;
const SWIPE = 60; // CSS pixels

export function makeStage({ onSwipe = () => {}, onPart = () => {}, onZoom = () => {} } = {}) {
  const low = make("img", { class: "stage-low", alt: "", draggable: "false" });
  const full = make("img", { class: "stage-full", alt: "", draggable: "false" });
  const boxes = makeSvg("svg", { class: "stage-boxes", preserveAspectRatio: "none", "aria-hidden": "true" });
  const labels = make("div", { class: "stage-labels", "aria-hidden": "true" });
  const part = make("div", { class: "stage-part", hidden: true });
  const frame = make("div", { class: "stage-frame" }, low, full, boxes, labels, part);
  const note = make("p", { class: "stage-note", hidden: true });
  const element = make("div", { class: "stage" }, frame, note);

  let photo = null;
  let fitted = { width: 0, height: 0 }; // CSS pixels of the whole picture at zoom 1
  let zoom = 1;
  let at = { x: 0, y: 0 }; // of the frame's left top corner in the stage
  let marking = null; // {x, y, width, height} in pixels of the photo, while a part is being marked
  let drawn = new Map(); // key of a box -> its elements

  // ---- the picture ------------------------------------------------------------------------

  function show(next) {
    const other = photo?.id !== next.id;
    photo = next;
    if (other) {
      say("");
      low.classList.remove("is-absent");
      stopMarking();
      setBoxes([]);
      full.classList.remove("is-there");
      full.removeAttribute("src");
      low.src = next.low;
      load(next);
    }
    low.alt = next.alt; // the other is the same picture
    boxes.setAttribute("viewBox", `0 0 ${next.width} ${next.height}`);
    place();
  }

  function load(wanted) {
    const waiting = new Image();
    waiting.src = wanted.full;
    element.setAttribute("aria-busy", "true");
    waiting
      .decode()
      .then(() => {
        if (photo?.id !== wanted.id) return;
        full.src = wanted.full;
        full.classList.add("is-there");
        element.removeAttribute("aria-busy");
      })
      .catch(() => {
        if (photo?.id !== wanted.id) return;
        element.removeAttribute("aria-busy");
        // What the preview shows is better than nothing; where there is not even that, say so.
        const said = wanted.offline
          ? "The folder of this photo is not there at the moment: only its preview is."
          : "The file of this photo cannot be read now.";
        say(said);
      });
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
    frame.style.transform = `translate(${at.x}px, ${at.y}px) scale(${zoom})`;
    frame.style.setProperty("--zoom", zoom);
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

  // ---- pointers ---------------------------------------------------------------------------

  const fingers = new Map();
  let held = null; // what a press began: {x, y, at, zoom, apart, moved}
  let tapped = 0;

  const inStage = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener("pointerdown", (event) => {
    if (!photo || event.button) return;
    const point = inStage(event);
    fingers.set(event.pointerId, point);
    frame.classList.remove("is-smooth");
    if (marking) return beginMark(event, point);
    held = { ...point, at: { ...at }, zoom, apart: apart(), moved: fingers.size > 1 };
    try {
      element.setPointerCapture(event.pointerId);
    } catch {
      // the pointer is up again already
    }
  });

  element.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const point = inStage(event);
    fingers.set(event.pointerId, point);
    if (marking) return dragMark(point);
    if (!held) return;
    if (fingers.size === 2) {
      const [one, other] = fingers.values();
      zoomTo((held.zoom * apart()) / (held.apart || 1), (one.x + other.x) / 2, (one.y + other.y) / 2, false);
      held.moved = true;
      return;
    }
    const x = point.x - held.x;
    const y = point.y - held.y;
    if (Math.hypot(x, y) > 4) held.moved = true;
    if (!held.moved) return;
    if (zoom > 1.001) move(held.at.x + x, held.at.y + y);
    else if (event.pointerType === "touch") {
      frame.style.transform = `translate(${at.x + x}px, ${at.y}px) scale(${zoom})`;
    }
    element.classList.add("is-held");
  });

  function release(event) {
    if (!fingers.delete(event.pointerId)) return;
    element.classList.remove("is-held");
    if (marking) return endMark();
    const begun = held;
    held = null;
    if (fingers.size) {
      const [left] = fingers.values();
      held = { ...left, at: { ...at }, zoom, apart: 0, moved: true };
      return;
    }
    if (!begun || event.type === "pointercancel") return move(at.x, at.y);
    const point = inStage(event);
    if (begun.moved) {
      const across = point.x - begun.x;
      move(at.x, at.y);
      const along = Math.abs(across) > SWIPE && Math.abs(across) > Math.abs(point.y - begun.y);
      if (event.pointerType === "touch" && zoom <= 1.001 && along) onSwipe(across < 0 ? 1 : -1);
      return;
    }
    // A finger taps twice, since a single tap is how people touch to look; a mouse clicks once.
    if (event.pointerType !== "mouse") {
      const twice = event.timeStamp - tapped < 350;
      tapped = twice ? 0 : event.timeStamp;
      if (!twice) return;
    }
    if (onPicture(point)) toggle(point.x, point.y);
  }
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);

  const onPicture = (point) =>
    point.x >= at.x && point.y >= at.y &&
    point.x <= at.x + fitted.width * zoom && point.y <= at.y + fitted.height * zoom;

  function apart() {
    if (fingers.size < 2) return 0;
    const [one, other] = fingers.values();
    return Math.hypot(one.x - other.x, one.y - other.y);
  }

  element.addEventListener(
    "wheel",
    (event) => {
      if (!photo) return;
      event.preventDefault();
      const point = inStage(event);
      const lines = event.deltaMode === 1 ? 30 : 1;
      zoomTo(zoom * Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 400)), point.x, point.y, false);
    },
    { passive: false },
  );

  // ---- boxes ------------------------------------------------------------------------------

  // groups: [{kind: "match" | "line" | "found" | "part", boxes: [{key, corners, label}]}]
  function setBoxes(groups) {
    boxes.replaceChildren();
    labels.replaceChildren();
    drawn = new Map();
    const stacks = new Map(); // corner -> labels there already: they are stacked
    for (const { kind, boxes: some } of groups) {
      for (const { key, corners, label } of some) {
        const points = corners.map((corner) => corner.join(",")).join(" ");
        const shape = makeSvg("polygon", { points, class: `box box-${kind}` });
        shape.addEventListener("pointerenter", () => light(key, { from: "picture" }));
        shape.addEventListener("pointerleave", () => light(null, { from: "picture" }));
        boxes.append(shape);
        const parts = [shape];
        if (label) {
          const tag = make("span", { class: `box-label box-label-${kind}` }, label);
          const left = Math.max(0, Math.min(...corners.map((corner) => corner[0])));
          const top = Math.max(0, Math.min(...corners.map((corner) => corner[1])));
          tag.style.left = `${(100 * left) / photo.width}%`;
          tag.style.top = `${(100 * top) / photo.height}%`;
          const inside = top < photo.height * 0.06;
          const corner = `${Math.round(left / 8)} ${Math.round(top / 8)}`;
          const there = stacks.get(corner) ?? 0;
          stacks.set(corner, there + 1);
          tag.classList.toggle("is-inside", inside);
          tag.style.setProperty("--shift", `${there * (inside ? 100 : -100)}%`);
          labels.append(tag);
          parts.push(tag);
        }
        drawn.set(key, parts);
      }
    }
  }

  let onLight = () => {};
  function light(key, { from = "list" } = {}) {
    for (const [one, parts] of drawn) for (const it of parts) it.classList.toggle("is-lit", one === key);
    if (from === "picture") onLight(key);
  }

  // ---- marking a part ---------------------------------------------------------------------

  function startMarking() {
    if (!photo) return;
    fit();
    element.classList.add("is-marking");
    marking = whole(0.5);
    drawPart();
  }

  // The middle of the picture, to begin with: arrow keys move it, with Shift they change its size.
  const whole = (share) => ({
    x: (photo.width * (1 - share)) / 2,
    y: (photo.height * (1 - share)) / 2,
    width: photo.width * share,
    height: photo.height * share,
  });

  function stopMarking() {
    marking = null;
    element.classList.remove("is-marking");
    part.hidden = true;
  }

  const inPhoto = (point) => ({
    x: Math.min(Math.max(((point.x - at.x) / (fitted.width * zoom)) * photo.width, 0), photo.width),
    y: Math.min(Math.max(((point.y - at.y) / (fitted.height * zoom)) * photo.height, 0), photo.height),
  });

  let corner = null;
  function beginMark(event, point) {
    event.preventDefault();
    corner = inPhoto(point);
    element.setPointerCapture(event.pointerId);
  }

  function dragMark(point) {
    if (!corner) return;
    const other = inPhoto(point);
    const next = {
      x: Math.min(corner.x, other.x),
      y: Math.min(corner.y, other.y),
      width: Math.abs(corner.x - other.x),
      height: Math.abs(corner.y - other.y),
    };
    if (next.width * next.height === 0) return;
    marking = next;
    drawPart();
  }

  function endMark() {
    corner = null;
    // A click is no part: nothing smaller than a fiftieth of the picture is.
    const least = Math.max(photo.width, photo.height) / 50;
    if (marking.width < least || marking.height < least) marking = whole(0.5);
    drawPart();
  }

  function nudge(x, y, resize) {
    const step = Math.max(photo.width, photo.height) / 40;
    const limit = (value, least, largest) => Math.min(Math.max(value, least), Math.max(largest, least));
    if (resize) {
      marking.width = limit(marking.width + x * step, step, photo.width - marking.x);
      marking.height = limit(marking.height + y * step, step, photo.height - marking.y);
    } else {
      marking.x = limit(marking.x + x * step, 0, photo.width - marking.width);
      marking.y = limit(marking.y + y * step, 0, photo.height - marking.height);
    }
    drawPart();
  }

  function drawPart() {
    part.hidden = false;
    part.style.left = `${(100 * marking.x) / photo.width}%`;
    part.style.top = `${(100 * marking.y) / photo.height}%`;
    part.style.width = `${(100 * marking.width) / photo.width}%`;
    part.style.height = `${(100 * marking.height) / photo.height}%`;
    onPart(marked());
  }

  // Whole pixels, as the API wants them.
  function marked() {
    if (!marking) return null;
    const { x, y, width, height } = marking;
    return [x, y, Math.max(width, 1), Math.max(height, 1)].map(Math.round);
  }

  const watcher = new ResizeObserver(() => {
    frame.classList.remove("is-smooth");
    place({ keep: true });
  });
  watcher.observe(element);

  return {
    element, show, say, sharpen, setBoxes, light, zoomIn, zoomOut, fit, shift, isZoomed,
    startMarking, stopMarking, nudge, marked,
    isMarking: () => marking !== null,
    set onLight(fn) {
      onLight = fn;
    },
    clear() {
      stopMarking();
      say("");
      photo = null;
      low.removeAttribute("src");
      full.removeAttribute("src");
      full.classList.remove("is-there");
      setBoxes([]);
      zoom = 1;
      tellZoom();
    },
  };
}
