// The points of a map: those that lie close together are one, with a number.
// In: points [[lat, lon, photos], …], a view. Out: buttons.

import { counted, make } from "./elements.js";
import { KM, onScreen } from "./map_view.js";

const WIDE_KM = 250; // a mark that stands for more than a region is looked into before it is a filter

// CSS pixels: what lies closer is one point. On a small map they would hide it otherwise.
const together = (size) => Math.min(44, Math.max(30, size.width / 8));

const signed = (value, plus, minus, digits) => `${Math.abs(value).toFixed(digits)}°\u00a0${value < 0 ? minus : plus}`;
export const degrees = (lat, lon, digits = 4) => `${signed(lat, "N", "S", digits)}, ${signed(lon, "E", "W", digits)}`;

// → [{lat, lon, photos, points, x, y}, …]: in the middle of their photos, those with the most first.
export function clusters(points, size, view) {
  const made = [];
  const cells = new Map();
  const apart = together(size);
  for (const [lat, lon, photos = 1] of points) {
    const { x, y } = onScreen(size, view, lat, lon);
    if (x < -apart || y < -apart || x > size.width + apart || y > size.height + apart) continue;
    let near = nearest(cells, x, y, apart);
    if (!near) {
      near = { x, y, photos: 0, lat: 0, lon: 0, points: [] };
      const cell = `${Math.floor(x / apart)} ${Math.floor(y / apart)}`;
      cells.set(cell, [...(cells.get(cell) ?? []), near]);
      made.push(near);
    }
    near.lat = (near.lat * near.photos + lat * photos) / (near.photos + photos);
    near.lon = (near.lon * near.photos + lon * photos) / (near.photos + photos);
    near.photos += photos;
    near.points.push([lat, lon]);
  }
  return made.sort((one, other) => other.photos - one.photos);
}

function nearest(cells, x, y, apart) {
  const column = Math.floor(x / apart);
  const row = Math.floor(y / apart);
  for (let across = column - 1; across <= column + 1; across += 1) {
    for (let down = row - 1; down <= row + 1; down += 1) {
      const found = cells.get(`${across} ${down}`)?.find((one) => Math.hypot(one.x - x, one.y - y) < apart);
      if (found) return found;
    }
  }
  return null;
}

// A circle around all of its points, in whole kilometres; points may be rounded themselves.
function radius({ lat, lon, points }) {
  const across = Math.cos((lat * Math.PI) / 180);
  const far = Math.max(...points.map(([a, o]) => Math.hypot(a - lat, (o - lon) * across))) * KM;
  return Math.max(2, Math.ceil(far * 1.05 + 1));
}

// onPick({lat, lon, km, photos}); onLook(points): closer at these.
export function markOf(one, size, view, { onPick, onLook }) {
  const km = radius(one);
  const isWide = km > WIDE_KM;
  const does = isWide ? "look closer" : "show them";
  const count = counted(one.photos, "photo");
  const button = make("button", {
    type: "button",
    class: "map-mark",
    "aria-label": `${count} near ${degrees(one.lat, one.lon, 1)}: ${does}`,
    title: `${count} within ${km.toLocaleString("en")} km: ${does}`,
    "data-at": `${one.lat.toFixed(2)} ${one.lon.toFixed(2)}`,
    onclick: () => {
      if (isWide) onLook(one.points);
      else onPick({ lat: Number(one.lat.toFixed(4)), lon: Number(one.lon.toFixed(4)), km, photos: one.photos });
    },
  }, one.photos > 999 ? `${Math.round(one.photos / 1000)}k` : String(one.photos));
  const { x, y } = onScreen(size, view, one.lat, one.lon);
  const most = together(size) - 4;
  put(button, x, y);
  button.style.setProperty("--size", `${Math.min(24 + 1.5 * Math.log2(one.photos), most)}px`);
  return button;
}

export function pinAt({ lat, lon }, size, view) {
  const pin = make("span", { class: "map-here", "aria-hidden": "true" });
  const { x, y } = onScreen(size, view, lat, lon);
  put(pin, x, y);
  return pin;
}

function put(element, x, y) {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
}

// The photo's own point has a pin, so it is not counted among the others a second time. Points may
// be rounded: the nearest within a tenth of a degree is taken for it.
export function withoutHere(points, here) {
  if (!here) return points;
  const apart = points.map(([lat, lon]) => Math.hypot(lat - here.lat, lon - here.lon));
  const own = apart.indexOf(Math.min(...apart));
  if (own < 0 || apart[own] > 0.1) return points;
  const [lat, lon, photos = 1] = points[own];
  return points.flatMap((one, at) => (at !== own ? [one] : photos > 1 ? [[lat, lon, photos - 1]] : []));
}
