// A map of the world in an element: where photos were taken, drawn on an outline that is part of
// the page. In: points [[lat, lon, photos], …]. Out: which of them somebody picked.
// Equirectangular, so that degrees are lengths. Asks no server for anything.

import { counted, iconButton, make, makeSvg } from "./elements.js";
import { BORDERS, LAND, STEP } from "./world.js";

const CLOSEST = 1; // degrees across: the outline knows no more than tenths
const NORTH = 84;
const SOUTH = -60; // without the Antarctic, until a point lies there
const TOGETHER = 44; // CSS pixels: what lies closer is one point with a number
const KM = 111.2; // a degree of latitude
const WIDE_KM = 250; // a mark that stands for more than a region is looked into before it is a filter

const signed = (value, plus, minus) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? minus : plus}`;

// "Kyoto, Japan, 35.0116° N, 135.7681° E"
export function describePlace({ latitude, longitude, place }) {
  const names = place ? [...new Set([place.city, place.country].filter(Boolean))] : [];
  return [...names, signed(latitude, "N", "S"), signed(longitude, "E", "W")].join(", ");
}

// here: {lat, lon, label}, a point of its own. onPick({lat, lon, km, photos}).
export function showMap(container, points, onPick, { here = null, label = "Map of the world" } = {}) {
  // At either side once more: what crosses 180 degrees is cut by the edge of the map, not by its own.
  const land = [-360, 0, 360].map((by) =>
    makeSvg("path", { class: "map-land", d: LAND, transform: `translate(${by * STEP} 0)` }));
  const borders = makeSvg("path", { class: "map-borders", d: BORDERS });
  const grid = makeSvg("path", { class: "map-grid", d: graticule() });
  const picture = makeSvg(
    "svg",
    { class: "map-picture", preserveAspectRatio: "none", role: "img", "aria-label": here ? `${label}: ${here.label}` : label },
    grid,
    makeSvg("g", { transform: `scale(${1 / STEP})` }, ...land, borders),
  );
  const marks = make("div", { class: "map-marks" });
  const scale = make("span", { class: "map-scale", "aria-hidden": "true" });
  const zoomIn = iconButton("plus", "Zoom the map in", () => zoomBy(2));
  const zoomOut = iconButton("minus", "Zoom the map out", () => zoomBy(0.5));
  const whole = iconButton("world", "The whole world", () => look(world()));
  const tools = make("div", { class: "map-tools" }, zoomIn, zoomOut, whole);
  const map = make("div", { class: "map", role: "group", "aria-label": label }, picture, marks, scale, tools);
  container.replaceChildren(map);

  let shown = points;
  let others = withoutHere(points, here); // those that get a mark
  let view = null; // {x, y, width}: the middle and the degrees across; y is latitude downwards
  let size = { width: 0, height: 0 };
  let touched = false; // somebody moved it: new points do not move it again

  // ---- the view ---------------------------------------------------------------------------

  function world() {
    const south = Math.min(SOUTH, ...shown.map(([lat]) => lat - 4), here ? here.lat - 4 : SOUTH);
    const ratio = size.width / size.height || 2;
    return { x: 0, y: -(NORTH + south) / 2, width: Math.max(360, (NORTH - south) * ratio) };
  }

  // Around all points, or around the one photo's.
  function first() {
    if (here) return { x: here.lon, y: -here.lat, width: 60 };
    if (!shown.length) return world();
    return frame(shown, 1.3, 12);
  }

  // A view that holds these points, `share` times as wide as they lie apart, and at least so wide.
  function frame(some, share, least) {
    const lats = some.map(([lat]) => lat);
    const lons = some.map(([, lon]) => lon);
    const ratio = size.width / size.height || 2;
    const across = Math.max(Math.max(...lons) - Math.min(...lons), (Math.max(...lats) - Math.min(...lats)) * ratio);
    return {
      x: (Math.max(...lons) + Math.min(...lons)) / 2,
      y: -(Math.max(...lats) + Math.min(...lats)) / 2,
      width: Math.max(across * share, least),
    };
  }

  function look({ x, y, width }) {
    if (!size.width) return;
    const ratio = size.height / size.width;
    const largest = 360;
    const wide = Math.min(Math.max(width, CLOSEST), largest);
    const high = wide * ratio;
    // A map higher than the world has it in its middle.
    const limit = (value, half, least, most) =>
      2 * half >= most - least ? (least + most) / 2 : Math.min(Math.max(value, least + half), most - half);
    view = { x: limit(x, wide / 2, -180, 180), y: limit(y, high / 2, -90, 90), width: wide };
    picture.setAttribute("viewBox", `${view.x - wide / 2} ${view.y - high / 2} ${wide} ${high}`);
    zoomIn.disabled = wide <= CLOSEST * 1.01;
    zoomOut.disabled = whole.disabled = wide >= largest * 0.99;
    drawMarks();
    drawScale();
  }

  const perDegree = () => size.width / view.width;
  const onScreen = (lat, lon) => ({
    x: (lon - view.x) * perDegree() + size.width / 2,
    y: (-lat - view.y) * perDegree() + size.height / 2,
  });

  function zoomBy(factor, at = { x: size.width / 2, y: size.height / 2 }) {
    if (!view) return;
    touched = true;
    const x = view.x + (at.x - size.width / 2) / perDegree();
    const y = view.y + (at.y - size.height / 2) / perDegree();
    look({ x: x + (view.x - x) / factor, y: y + (view.y - y) / factor, width: view.width / factor });
  }

  function shift(x, y) {
    touched = true;
    look({ x: view.x + x / perDegree(), y: view.y + y / perDegree(), width: view.width });
  }

  // ---- points -----------------------------------------------------------------------------

  // Points that lie close together on the screen, as one: in the middle of its photos.
  function clusters() {
    const made = [];
    const cells = new Map();
    for (const [lat, lon, photos = 1] of others) {
      const { x, y } = onScreen(lat, lon);
      if (x < -TOGETHER || y < -TOGETHER || x > size.width + TOGETHER || y > size.height + TOGETHER) continue;
      const column = Math.floor(x / TOGETHER);
      const row = Math.floor(y / TOGETHER);
      let near = null;
      for (let across = column - 1; across <= column + 1 && !near; across += 1) {
        for (let down = row - 1; down <= row + 1 && !near; down += 1) {
          near = cells.get(`${across} ${down}`)?.find((one) => Math.hypot(one.x - x, one.y - y) < TOGETHER) ?? null;
        }
      }
      if (!near) {
        near = { x, y, photos: 0, lat: 0, lon: 0, points: [] };
        const cell = `${column} ${row}`;
        cells.set(cell, [...(cells.get(cell) ?? []), near]);
        made.push(near);
      }
      near.lat = (near.lat * near.photos + lat * photos) / (near.photos + photos);
      near.lon = (near.lon * near.photos + lon * photos) / (near.photos + photos);
      near.photos += photos;
      near.points.push([lat, lon]);
    }
    return made;
  }

  // A circle around all of its points, in whole kilometres; points may be rounded themselves.
  function around({ lat, lon, points: some }) {
    const across = Math.cos((lat * Math.PI) / 180);
    const far = Math.max(...some.map(([a, o]) => Math.hypot(a - lat, (o - lon) * across))) * KM;
    return Math.max(2, Math.ceil(far * 1.05 + 1));
  }

  function lookInto({ points: some }) {
    touched = true;
    look(frame(some, 1.6, 2));
    marks.querySelector("button")?.focus({ preventScroll: true });
  }

  function drawMarks() {
    const focused = marks.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    const made = clusters()
      .sort((one, other) => other.photos - one.photos)
      .map((one) => {
        const said = one.photos > 999 ? `${Math.round(one.photos / 1000)}k` : String(one.photos);
        const km = around(one);
        const isWide = km > WIDE_KM;
        const does = isWide ? "look closer" : "show them";
        const words = `${counted(one.photos, "photo")} near ${signed(one.lat, "N", "S")}, ${signed(one.lon, "E", "W")}`;
        const button = make("button", {
          type: "button",
          class: "map-mark",
          "aria-label": `${words}: ${does}`,
          title: `${counted(one.photos, "photo")} within ${km.toLocaleString("en")} km: ${does}`,
          "data-at": `${one.lat.toFixed(2)} ${one.lon.toFixed(2)}`,
          onclick: () => {
            if (isWide) return lookInto(one);
            onPick({ lat: Number(one.lat.toFixed(4)), lon: Number(one.lon.toFixed(4)), km, photos: one.photos });
          },
        }, one.photos > 1 ? said : "");
        const { x, y } = onScreen(one.lat, one.lon);
        const wide = Math.min(24 + 1.5 * Math.log2(one.photos), 40);
        button.style.left = `${x}px`;
        button.style.top = `${y}px`;
        button.style.setProperty("--size", `${wide}px`);
        return button;
      });
    if (here) {
      const pin = make("span", { class: "map-here", "aria-hidden": "true" });
      const { x, y } = onScreen(here.lat, here.lon);
      pin.style.left = `${x}px`;
      pin.style.top = `${y}px`;
      made.push(pin);
    }
    marks.replaceChildren(...made);
    if (focused) made.find((one) => one.dataset.at === focused)?.focus({ preventScroll: true });
  }

  // The longest round length that is no more than a third of the map, at its middle.
  function drawScale() {
    const km = (view.width * KM * Math.cos((view.y * Math.PI) / 180)) / 3;
    const power = 10 ** Math.floor(Math.log10(Math.max(km, 1)));
    const round = [5, 2, 1].find((one) => one * power <= km) * power || 1;
    scale.textContent = `${round.toLocaleString("en")} km`;
    scale.style.width = `${(round / km / 3) * size.width}px`;
  }

  // ---- pointers and keys ------------------------------------------------------------------

  const fingers = new Map();
  const inMap = (event) => {
    const box = map.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  map.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("button") || !view) return;
    fingers.set(event.pointerId, inMap(event));
    map.setPointerCapture(event.pointerId);
    map.classList.add("is-held");
  });
  map.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = inMap(event);
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const grown = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      zoomBy(grown, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else shift(before.x - now.x, before.y - now.y);
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    map.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) map.classList.remove("is-held");
    });
  }
  map.addEventListener("dblclick", (event) => {
    if (!event.target.closest("button")) zoomBy(2, inMap(event));
  });
  map.addEventListener(
    "wheel",
    (event) => {
      // The panel around it is scrolled by the wheel, unless somebody means the map.
      if (!event.ctrlKey && !map.matches(":focus-within") && !touched) return;
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 300)), inMap(event));
    },
    { passive: false },
  );
  map.addEventListener("pointerleave", () => {
    if (!fingers.size) touched = touched && map.matches(":focus-within");
  });
  map.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    }[event.key];
    if (step) shift(step[0] * size.width * 0.2, step[1] * size.height * 0.2);
    else if (["+", "="].includes(event.key)) zoomBy(2);
    else if (event.key === "-") zoomBy(0.5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const watcher = new ResizeObserver(() => {
    const before = size.width;
    size = { width: map.clientWidth, height: map.clientHeight };
    if (size.width) look(before && view ? view : first());
  });
  watcher.observe(map);

  return {
    element: map,
    update(next) {
      shown = next;
      others = withoutHere(next, here);
      if (!size.width) return;
      look(here || touched || !view ? (view ?? first()) : first());
    },
    destroy() {
      watcher.disconnect();
      map.remove();
    },
  };
}

// The photo's own point has a pin, so it is not counted among the others a second time. Points may
// be rounded: the nearest within a tenth of a degree is taken for it.
function withoutHere(points, here) {
  if (!here) return points;
  const apart = points.map(([lat, lon]) => Math.hypot(lat - here.lat, lon - here.lon));
  const own = apart.indexOf(Math.min(...apart));
  if (own < 0 || apart[own] > 0.1) return points;
  const [lat, lon, photos = 1] = points[own];
  return points.flatMap((one, at) => (at !== own ? [one] : photos > 1 ? [[lat, lon, photos - 1]] : []));
}

function graticule() {
  const lines = [];
  for (let lon = -180; lon <= 180; lon += 30) lines.push(`M${lon} -90V90`);
  for (let lat = -60; lat <= 60; lat += 30) lines.push(`M-180 ${lat}H180`);
  return lines.join("");
}
