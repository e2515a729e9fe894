// The dialog of the lightbox: a bar, the picture, a panel beside it. Elements only.
// In: what its buttons do. Out: the elements by name.

import { icon, iconButton, make } from "./elements.js";
import { makeToast } from "./toast.js";

const PANEL = "photosearch.panel"; // whether the panel is open, kept from photo to photo

// side: what stands in the panel, from above. deeds: close, showLines, mark, unmark, seekPart, turn.
export function buildDialog(stage, side, deeds) {
  const made = { stage: stage.element };
  const tool = (name, sign, label, onclick, attributes) => (made[name] = iconButton(sign, label, onclick, attributes));
  made.title = make("h2", { id: "lightbox-title", class: "lb-title", tabindex: "-1" }, "Photo");
  made.where = make("span", { class: "lb-where" });
  made.scale = make("span", { class: "lb-scale", "aria-hidden": "true" });
  const bar = make(
    "header",
    { class: "lb-bar" },
    tool("close", "close", "Close (Esc)", deeds.close),
    make("div", { class: "lb-name" }, made.title, made.where),
    make(
      "div",
      { class: "lb-tools", role: "group", "aria-label": "The picture" },
      tool("lines", "words", "Show printed words (w)", deeds.showLines, { "aria-pressed": "false", hidden: true }),
      tool("crop", "crop", "Search by a part of the picture", deeds.mark, { "aria-pressed": "false" }),
      tool("zoomOut", "minus", "Zoom out (−)", stage.zoomOut),
      made.scale,
      tool("zoomIn", "plus", "Zoom in (+)", stage.zoomIn),
      tool("fit", "fit", "Fit to the window (0)", stage.fit),
      tool("panel", "panel", "Facts beside the picture (i)", () => togglePanel(), { "aria-pressed": "true" }),
    ),
  );
  made.partSize = make("span", { class: "lb-fine" });
  made.seekPart = make(
    "button",
    { type: "button", class: "button is-first", "aria-describedby": "lightbox-part", onclick: deeds.seekPart },
    icon("search"),
    "Search for this part",
  );
  made.part = make(
    "div",
    { class: "lb-part", hidden: true, role: "group", "aria-label": "A part of the picture" },
    make("p", { id: "lightbox-part" }, "Draw a frame around what to look for, or move it with the arrow keys (Shift: its size). ", made.partSize),
    made.seekPart,
    make("button", { type: "button", class: "button", onclick: deeds.unmark }, "Cancel"),
  );
  tool("previous", "previous", "Previous photo (←)", () => deeds.turn(-1), { class: "lb-icon lb-turn is-previous" });
  tool("next", "next", "Next photo (→)", () => deeds.turn(1), { class: "lb-icon lb-turn is-next" });
  made.side = make("aside", { class: "lb-side", "aria-label": "About this photo", tabindex: "0" }, side);
  const toast = makeToast();
  made.dialog = make(
    "dialog",
    { class: "lb", "aria-labelledby": "lightbox-title", tabindex: "-1" }, // so a click within keeps the keys here
    bar,
    make("div", { class: "lb-view" }, made.stage, made.previous, made.next, made.part),
    made.side,
    toast.element,
  );

  function togglePanel(shown = made.dialog.classList.contains("is-bare")) {
    made.dialog.classList.toggle("is-bare", !shown);
    made.panel.setAttribute("aria-pressed", String(shown));
    try {
      localStorage.setItem(PANEL, shown ? "" : "bare");
    } catch {
      // not kept where storage is switched off
    }
  }

  try {
    if (localStorage.getItem(PANEL) === "bare") togglePanel(false);
  } catch {
    // storage is switched off: the panel is open
  }
  return { ...made, togglePanel, say: toast.say };
}
