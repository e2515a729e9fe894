// A part of a picture that is marked: by drawing a frame, or by arrow keys.
// In: points in pixels of the upright photo. Out: an element that lies on the picture; [x, y, width,
// height] of the part, in whole pixels.

import { make } from "./elements.js";

// photo() → {width, height}. onPart([x, y, width, height]): it is drawn anew.
export function makePart({ photo, onPart }) {
  const element = make("div", { class: "stage-part", hidden: true });
  let marking = null; // {x, y, width, height}, while a part is being marked
  let corner = null; // where the frame that is being drawn began

  // The middle of the picture, to begin with: arrow keys move it, with Shift they change its size.
  function middle(share) {
    const { width, height } = photo();
    return {
      x: (width * (1 - share)) / 2, y: (height * (1 - share)) / 2, width: width * share, height: height * share,
    };
  }

  function start() {
    marking = middle(0.5);
    draw();
  }

  function stop() {
    marking = corner = null;
    element.hidden = true;
  }

  function begin(point) {
    corner = point;
  }

  function drag(other) {
    if (!corner) return;
    const next = {
      x: Math.min(corner.x, other.x),
      y: Math.min(corner.y, other.y),
      width: Math.abs(corner.x - other.x),
      height: Math.abs(corner.y - other.y),
    };
    if (next.width * next.height === 0) return;
    marking = next;
    draw();
  }

  function end() {
    corner = null;
    // A click is no part: nothing smaller than a fiftieth of the picture is, nor a thin line of it.
    const { width, height } = photo();
    const least = Math.max(width, height) / 50;
    if (marking.width < Math.min(least, width / 4) || marking.height < Math.min(least, height / 4)) {
      marking = middle(0.5);
    }
    draw();
  }

  function nudge(x, y, resize) {
    const { width, height } = photo();
    const across = width / 40;
    const down = height / 40;
    const limit = (value, least, largest) => Math.min(Math.max(value, least), Math.max(largest, least));
    if (resize) {
      marking.width = limit(marking.width + x * across, across, width - marking.x);
      marking.height = limit(marking.height + y * down, down, height - marking.y);
    } else {
      marking.x = limit(marking.x + x * across, 0, width - marking.width);
      marking.y = limit(marking.y + y * down, 0, height - marking.height);
    }
    draw();
  }

  function draw() {
    const { width, height } = photo();
    element.hidden = false;
    element.style.left = `${(100 * marking.x) / width}%`;
    element.style.top = `${(100 * marking.y) / height}%`;
    element.style.width = `${(100 * marking.width) / width}%`;
    element.style.height = `${(100 * marking.height) / height}%`;
    onPart(marked());
  }

  // Whole pixels, as the API wants them.
  function marked() {
    if (!marking) return null;
    const { x, y, width, height } = marking;
    return [x, y, Math.max(width, 1), Math.max(height, 1)].map(Math.round);
  }

  return { element, start, stop, begin, drag, end, nudge, marked, isOn: () => marking !== null };
}
