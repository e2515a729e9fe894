// The group of filters that is a map: where the photos were taken that pass the other filters.
// In: points [[lat, lon, photos], …]. Out: near: and within: in the text.

import { make } from "./elements.js";
import { showMap } from "./map.js";
import * as state from "./state.js";
import * as words from "./words.js";

export const NAMES = ["near", "within"];

let map = null;
let frame = null;
let anywhere = null;

// points: null where the group is closed.
export function draw(slot, heading, points) {
  if (!frame) {
    frame = make("div", { class: "where" });
    anywhere = make("button", { type: "button", class: "more-values", onclick: () => leave(slot) });
  }
  slot.querySelector("h3")?.remove();
  slot.prepend(heading);
  if (!points) {
    frame.remove();
    anywhere.remove();
    return;
  }
  // The map stays where it is: moved on the page it would lose the keyboard, and what is looked at.
  if (!frame.isConnected) slot.append(frame, anywhere);
  if (map) map.update(points);
  else map = showMap(frame, points, pick, { label: "Where the photos were taken" });
  press();
}

function pick({ lat, lon, km }) {
  const q = words.withoutNames(state.get().q, NAMES);
  state.change({ q: words.withToo(q, `near:${lat},${lon} within:${km}`) });
}

function leave(slot) {
  state.change({ q: words.withoutNames(state.get().q, NAMES) });
  slot.querySelector("button").focus();
}

export function press() {
  if (!anywhere) return;
  const found = words.qualifiers(state.get().q).filter((one) => NAMES.includes(one.name) && !one.negated);
  const [near, within] = NAMES.map((name) => found.find((one) => one.name === name)?.value);
  anywhere.hidden = !near;
  anywhere.textContent = within ? `Anywhere, not within ${within} km alone` : "Anywhere, not near there alone";
}
