// A map of the world in an element: where photos were taken, drawn on an outline that is part of
// the page. In: points [[lat, lon, photos], …]. Out: which of them somebody picked.
// Asks no server for anything.

import { counted, iconButton, make, makeSvg } from "./elements.js";
import { listen } from "./map_input.js";
import { clusters, degrees, markOf, pinAt, withoutHere } from "./map_marks.js";
import { CLOSEST, LARGEST, around, boxOf, limited, scaleOf, shifted, world, zoomed } from "./map_view.js";
import { BORDERS, LAND, STEP } from "./world.js";

const SOURCE = "Natural Earth (public domain)";

// "Kyoto, Kyoto Prefecture, Japan, 35.0116° N, 135.7681° E"
export const describePlace = ({ latitude, longitude, place }) =>
  [place, degrees(latitude, longitude)].filter(Boolean).join(", ");

// here: {lat, lon, label}, a point of its own. onPick({lat, lon, km, photos}): a mark was pressed.
// → {element, update(points), destroy()}. The map fills its container, from 200 pixels in width.
export function showMap(container, points, onPick, { here = null, label = "Map of the world" } = {}) {
  const picture = drawn();
  const marks = make("div", { class: "map-marks" });
  const scale = make("span", { class: "map-scale", "aria-hidden": "true" });
  const words = make("p", { class: "unseen" });
  const zoomIn = iconButton("plus", "Zoom the map in", () => zoom(2));
  const zoomOut = iconButton("minus", "Zoom the map out", () => zoom(0.5));
  const whole = iconButton("world", "The whole world", () => go(world(size, everything())));
  const map = make(
    "div",
    { class: "map", role: "group", "aria-label": label, tabindex: "0" },
    picture,
    words,
    marks,
    scale,
    make("span", { class: "map-source" }, SOURCE),
    make("div", { class: "map-tools" }, zoomIn, zoomOut, whole),
  );
  container.replaceChildren(map);

  let shown = points;
  let others = withoutHere(points, here); // those that get a mark
  let view = null;
  let size = { width: 0, height: 0 };
  let isMoved = false; // somebody moved it: new points do not move it again

  const everything = () => (here ? [...shown, [here.lat, here.lon]] : shown);

  // Around all points, or around the one photo's.
  function first() {
    if (here) return { x: here.lon, y: -here.lat, width: 60 };
    return shown.length ? around(size, shown, 1.3, 12) : world(size, shown);
  }

  function look(wanted) {
    if (!size.width) return;
    view = limited(size, wanted);
    picture.setAttribute("viewBox", boxOf(size, view));
    turn(zoomIn, view.width <= CLOSEST * 1.01);
    turn(zoomOut, view.width >= LARGEST * 0.99);
    turn(whole, view.width >= LARGEST * 0.99);
    const { km, pixels } = scaleOf(size, view);
    scale.textContent = `${km.toLocaleString("en")} km`;
    scale.style.width = `${pixels}px`;
    drawMarks();
  }

  // A button that is switched off under the finger would lose the keyboard to the page.
  function turn(button, off) {
    if (off && document.activeElement === button) map.focus({ preventScroll: true });
    button.disabled = off;
  }

  function go(wanted) {
    isMoved = true;
    look(wanted);
  }

  function zoom(factor, at = { x: size.width / 2, y: size.height / 2 }) {
    if (view) go(zoomed(size, view, factor, at));
  }

  const shift = (x, y) => view && go(shifted(size, view, x, y));

  function lookInto(some) {
    go(around(size, some, 1.6, 2));
    (marks.querySelector("button") ?? map).focus({ preventScroll: true });
  }

  function drawMarks() {
    const focused = marks.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    const found = clusters(others, size, view);
    const made = found.map((one) => markOf(one, size, view, { onPick, onLook: lookInto }));
    if (here) made.push(pinAt(here, size, view));
    marks.replaceChildren(...made);
    if (focused) (made.find((one) => one.dataset.at === focused) ?? map).focus({ preventScroll: true });
    const photos = found.reduce((sum, one) => sum + one.photos, 0);
    words.textContent = [
      here ? `The pin: ${here.label}.` : "",
      photos ? `${counted(photos, here ? "other photo" : "photo")} at ${counted(found.length, "place")} in this view.` : "",
      "Arrow keys move the map, + and − zoom it.",
    ].filter(Boolean).join(" ");
  }

  listen(map, { zoom, shift, isReady: () => view !== null });
  const watcher = new ResizeObserver(() => {
    const before = size.width;
    size = { width: map.clientWidth, height: map.clientHeight };
    if (size.width) look(before && view && (isMoved || here) ? view : first());
  });
  watcher.observe(map);

  return {
    element: map,
    update(next) {
      shown = next;
      others = withoutHere(next, here);
      look(view && (here || isMoved) ? view : first());
    },
    destroy() {
      watcher.disconnect();
      map.remove();
    },
  };
}

// The outline. At either side once more: what crosses 180 degrees is cut by the edge of the map, not
// by its own.
function drawn() {
  const land = [-360, 0, 360].map((by) =>
    makeSvg("path", { class: "map-land", d: LAND, transform: `translate(${by * STEP} 0)` }));
  const borders = makeSvg("path", { class: "map-borders", d: BORDERS });
  return makeSvg(
    "svg",
    { class: "map-picture", preserveAspectRatio: "none", "aria-hidden": "true" },
    makeSvg("path", { class: "map-grid", d: graticule() }),
    makeSvg("g", { transform: `scale(${1 / STEP})` }, ...land, borders),
  );
}

function graticule() {
  const lines = [];
  for (let lon = -180; lon <= 180; lon += 30) lines.push(`M${lon} -90V90`);
  for (let lat = -60; lat <= 60; lat += 30) lines.push(`M-180 ${lat}H180`);
  return lines.join("");
}
