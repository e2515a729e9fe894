// Completion of qualifiers in the search box: a listbox below it, as WAI-ARIA's combobox has it.
// In: what stands in the box. Out: a text put into it. The server knows what may stand where.

import * as api from "./api.js";
import { make } from "./elements.js";

const SHOWN = 9;
const PLAIN = 3; // letters of a word without a colon before it is taken for the name of a qualifier

let box;
let list;
let offer = null; // the server's answer that the list shows
let chosen = -1;
let names = null; // of all qualifiers, as "camera:"
let asking = null;
let use = () => {};

// onUse(): the text in the box was completed.
export function init(input, onUse) {
  box = input;
  use = onUse;
  list = document.getElementById("choices");
  // Before the box loses the focus, which would close the list.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(Number(option.dataset.at));
  });
  box.addEventListener("blur", close);
}

export const isOpen = () => !list.hidden;

export function close() {
  asking?.abort();
  asking = null;
  list.hidden = true;
  offer = null;
  choose(-1);
  box.setAttribute("aria-expanded", "false");
}

// A word by itself is looked for; what looks like a qualifier, or is asked for by a key, is completed.
export async function suggest({ wanted = false } = {}) {
  const text = box.value;
  const at = box.selectionStart ?? text.length;
  const word = /(\S*)$/.exec(box.value.slice(0, at))[1];
  const inQuotes = /(?:^|\s)-?[A-Za-z-]+:"[^"]*$/.test(box.value.slice(0, at));
  const isName = inQuotes || /^-?[A-Za-z][A-Za-z-]*:/.test(word) || (await beginsName(word));
  if (box.value !== text) return; // typed on meanwhile
  if (!wanted && !isName) {
    close();
    return;
  }
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const found = await api.complete(text, at, { signal: mine.signal });
    if (mine !== asking || document.activeElement !== box) return;
    if (found.items.length && !isThere(found, text)) open(found);
    else close();
  } catch (error) {
    if (!api.isAbort(error) && mine === asking) close();
  }
}

// Whether the one thing that could be put in stands there already.
const isThere = ({ items, from, to }, text) =>
  items.length === 1 && items[0].insert.trim().toLowerCase() === text.slice(from, to).trim().toLowerCase();

// Most words begin no qualifier: nothing need be asked about them.
async function beginsName(word) {
  const start = word.replace(/^-/, "").toLowerCase();
  if (start.length < PLAIN) return false;
  names ??= api
    .complete("", 0)
    .then(({ items }) => items.map((item) => item.label.toLowerCase()))
    .catch(() => (names = null) ?? []);
  return (await names).some((name) => name.startsWith(start));
}

function open(found) {
  // Chosen by the arrow keys while the answer to the last letter was on its way: it stays chosen.
  const kept = offer?.items[chosen]?.insert;
  offer = { ...found, items: found.items.slice(0, SHOWN), text: box.value };
  list.replaceChildren(
    ...offer.items.map((item, at) =>
      make(
        "li",
        { role: "option", id: `choice-${at}`, "data-at": at, "aria-selected": "false" },
        make("span", { class: "choice-label" }, item.label),
        make("span", { class: "choice-help" }, item.help ?? ""),
        item.photos != null && make("span", { class: "choice-count" }, item.photos.toLocaleString("en")),
      ),
    ),
  );
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  choose(offer.items.findIndex((item) => item.insert === kept));
}

function choose(at) {
  list.children[chosen]?.setAttribute("aria-selected", "false");
  chosen = at;
  const option = list.children[at];
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) box.setAttribute("aria-activedescendant", option.id);
  else box.removeAttribute("aria-activedescendant");
}

function take(at) {
  const { items, from, to, text } = offer;
  const { insert } = items[at];
  const after = text.slice(to).replace(/^\s+/, insert.endsWith(" ") ? "" : " ");
  box.value = text.slice(0, from) + insert + after;
  const caret = from + insert.length;
  box.setSelectionRange(caret, caret);
  close();
  use();
  if (insert.endsWith(":")) suggest();
}

// → whether the key was for the list.
export function onKey(event) {
  if (event.key === "ArrowDown" && event.altKey) {
    suggest({ wanted: true });
    return true;
  }
  if (!isOpen()) return false;
  const count = offer.items.length;
  if (event.key === "ArrowDown") choose((chosen + 1) % count);
  else if (event.key === "ArrowUp") choose(chosen < 0 ? count - 1 : chosen - 1);
  else if (event.key === "Escape") close();
  else if (event.key === "Enter" && chosen >= 0) take(chosen);
  else if (event.key === "Tab" && !event.shiftKey) take(Math.max(chosen, 0));
  else return false;
  return true;
}
