// The printed lines of a photo: a list that lights them in the picture, and is lit by it.
// In: the facts of a photo (docs/json.md). Out: a section, and boxes for the picture.

import { counted, icon, make } from "./elements.js";
import { item, section } from "./lightbox_panel.js";

const MANY = 12; // lines from which on they can be filtered

// link: light(key). isShown, show(wanted): whether the boxes of all lines are on the picture.
export function wordsOf(facts, link, { copy, isShown, show }) {
  const lines = facts.words ?? [];
  if (!lines.length) return { element: null, boxes: [] };
  const boxes = lines.map((line, at) => ({ key: `line-${at}`, corners: line.box }));
  const box = make("input", { type: "checkbox", class: "lb-check" });
  box.checked = isShown;
  box.addEventListener("change", () => show(box.checked));
  const text = () => lines.map((line) => line.text).join("\n");
  const head = make(
    "div",
    { class: "lb-row" },
    make("label", { class: "lb-toggle" }, box, " Show where"),
    make("button", { type: "button", class: "button", onclick: () => copy(text(), "The text") }, icon("copy"), "Copy text"),
  );
  const items = lines.map((line, at) => item(link, `line-${at}`, line.text));
  const rows = items.map((one) => make("li", {}, one));
  const list = make("ul", { class: "lb-lines is-long", "aria-label": "Printed lines" }, rows);
  const stop = oneStop(list, items);
  const filter = lines.length > MANY ? filterOf(lines, rows, stop) : null;
  const element = section(`Printed words (${counted(lines.length, "line")})`, head, filter, list);
  return { element, boxes: [{ kind: "line", boxes }], box };
}

// The lines in which a word stands.
function filterOf(lines, rows, stop) {
  const said = make("span", { class: "lb-fine", role: "status" });
  const field = make("input", {
    type: "search", class: "lb-field", placeholder: "Find among these lines", "aria-label": "Find among the printed lines",
    autocomplete: "off",
  });
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    rows.forEach((row, at) => (row.hidden = !lines[at].text.toLowerCase().includes(wanted)));
    const left = rows.filter((row) => !row.hidden).length;
    said.textContent = wanted ? counted(left, "line") : "";
    stop();
  });
  return make("div", { class: "lb-row" }, field, said);
}

// Tab leads to one of many lines, arrows up and down to the others. → fn: the first that is shown.
function oneStop(list, items) {
  const shown = () => items.filter((one) => !one.parentNode.hidden);
  const only = (wanted) => {
    for (const one of items) one.tabIndex = one === wanted ? 0 : -1;
  };
  only(items[0]);
  list.addEventListener("keydown", (event) => {
    const all = shown();
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (!all[next]) return;
    only(all[next]);
    all[next].focus();
  });
  return () => only(shown()[0]);
}
