// Where the open photo was taken, on a map among the others of the library.
// In: its facts. Out: a section. The points of the others are fetched after it is there.

import * as api from "./api.js";
import { make } from "./elements.js";
import { section } from "./lightbox_panel.js";
import { describePlace, showMap } from "./map.js";

// → {element, destroy}, or null where nobody knows where it was taken. seek(filter).
export function mapOf(facts, { seek, signal }) {
  if (facts.latitude === null || facts.longitude === null) return null;
  const here = { lat: facts.latitude, lon: facts.longitude, label: describePlace(facts) };
  const box = make("div", { class: "lb-map" });
  const map = showMap(box, [], ({ lat, lon, km }) => seek(`near:${lat},${lon} within:${km}`), { here });
  api
    .facets("", { signal })
    .then((all) => map.update(all.points ?? []))
    .catch(() => {}); // the photo's own point is enough
  return { element: section("On the map", box, make("p", { class: "lb-fine" }, here.label)), destroy: map.destroy };
}
