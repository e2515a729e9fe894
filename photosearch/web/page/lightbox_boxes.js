// Boxes on a picture, with labels: words, things that were found, parts.
// In: corners in pixels of the upright photo. Out: elements that lie on the picture, and which box
// the pointer is over.

import { make, makeSvg } from "./elements.js";

// photo() → {width, height}. onLight(key): the pointer is over this box, or over none.
export function makeBoxes({ photo, onLight }) {
  const boxes = makeSvg("svg", { class: "stage-boxes", preserveAspectRatio: "none", "aria-hidden": "true" });
  const labels = make("div", { class: "stage-labels", "aria-hidden": "true" });
  let drawn = new Map(); // key of a box -> its elements

  // groups: [{kind: "match" | "line" | "found" | "part", boxes: [{key, corners, label}]}]
  function set(groups) {
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
          parts.push(tagOf(kind, corners, label, stacks));
          labels.append(parts[1]);
        }
        drawn.set(key, parts);
      }
    }
  }

  function tagOf(kind, corners, label, stacks) {
    const { width, height } = photo();
    const tag = make("span", { class: `box-label box-label-${kind}` }, label);
    const left = Math.max(0, Math.min(...corners.map((corner) => corner[0])));
    const top = Math.max(0, Math.min(...corners.map((corner) => corner[1])));
    tag.style.left = `${(100 * left) / width}%`;
    tag.style.top = `${(100 * top) / height}%`;
    const inside = top < height * 0.06;
    const corner = `${Math.round(left / 8)} ${Math.round(top / 8)}`;
    const there = stacks.get(corner) ?? 0;
    stacks.set(corner, there + 1);
    tag.classList.toggle("is-inside", inside);
    tag.style.setProperty("--shift", `${there * (inside ? 100 : -100)}%`);
    return tag;
  }

  function light(key, { from = "list" } = {}) {
    for (const [one, parts] of drawn) for (const it of parts) it.classList.toggle("is-lit", one === key);
    if (from === "picture") onLight(key);
  }

  return {
    elements: [boxes, labels],
    set,
    light,
    fit: ({ width, height }) => boxes.setAttribute("viewBox", `0 0 ${width} ${height}`),
  };
}
