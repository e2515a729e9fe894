// The search box: what is typed becomes the state, and the state what stands in it.
// In: keys. Out: changes of the state; main.js asks for results when it changes.

import * as complete from "./complete.js";
import * as state from "./state.js";
import * as words from "./words.js";

const QUICK_MS = 60; // a pause between letters; measured: fast typists make 80 to 150
const LONGEST_MS = 150;
const PAUSED_MS = 700; // a value that is whole or refused is asked for when nobody types on
const SETTLED_MS = 1500; // whoever pauses so long has asked: Back leads here

let box;
let clearButton;
let waiting = 0;
let settling = 0;
let isTyping = false; // the newest entry of the history is one of letters that come and go
let composing = false; // an input method puts a character together
let onLeave = () => false;
let pace = QUICK_MS;

export const element = () => box;

// leaveDown(): the down arrow leaves the box; → whether there was somewhere to go.
export function init(leaveDown) {
  box = document.getElementById("q");
  clearButton = document.getElementById("clear");
  onLeave = leaveDown;
  complete.init(box, () => typed());
  show(state.get().q);
  box.addEventListener("compositionstart", () => {
    composing = true;
    complete.close();
  });
  box.addEventListener("compositionend", () => {
    composing = false;
    typed();
  });
  box.addEventListener("input", (event) => {
    if (!composing && !event.isComposing) typed({ whole: /^insertFrom/.test(event.inputType) });
  });
  box.addEventListener("keydown", onKey);
  box.addEventListener("blur", settle);
  document.getElementById("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  clearButton.addEventListener("click", () => {
    clear();
    box.focus({ preventScroll: true });
  });
  state.onChange(({ q }, { changed, typing }) => {
    if (changed.has("q") && !typing) show(q);
  });
}

function show(text) {
  if (box.value.trim() !== text.trim() || document.activeElement !== box) box.value = text;
  clearButton.hidden = !box.value;
}

// How long to wait for the next letter: longer where answers take long, so that fewer are asked for in vain.
export function answeredIn(ms) {
  pace = Math.min(Math.max(QUICK_MS, ms * 0.5), LONGEST_MS);
}

// whole: it was pasted, so nothing of it is half typed.
function typed({ whole = false } = {}) {
  clearButton.hidden = !box.value;
  clearTimeout(waiting);
  clearTimeout(settling);
  waiting = setTimeout(() => send(whole), pace);
  settling = setTimeout(settle, SETTLED_MS);
}

function send(whole) {
  complete.suggest();
  const all = box.value.trim();
  const { q, later } = whole ? { q: all } : words.askable(box.value, box.selectionStart ?? all.length);
  ask(q);
  if (later) waiting = setTimeout(() => ask(all), PAUSED_MS);
}

function ask(q) {
  if (q === state.get().q) return;
  // The first letter makes an entry of the history, those after it change that one.
  const replace = isTyping;
  isTyping = true;
  state.change({ q }, { replace, typing: true });
}

function settle() {
  clearTimeout(settling);
  isTyping = false;
}

function submit() {
  clearTimeout(waiting);
  complete.close();
  const q = box.value.trim();
  if (q !== state.get().q) state.change({ q }, { replace: isTyping });
  settle();
  for (const fn of submitted) fn();
}

const submitted = new Set();
// fn(): somebody pressed Enter, whether or not anything is new.
export const onSubmit = (fn) => void submitted.add(fn);

export function clear() {
  box.value = "";
  clearTimeout(waiting);
  settle();
  complete.close();
  state.change({ q: "" });
  show("");
}

export function focus() {
  box.focus({ preventScroll: true }); // it is in sight already, and the photos stay where they are
  box.select();
}

function onKey(event) {
  if (composing || event.isComposing || event.keyCode === 229) return;
  if (complete.onKey(event)) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  if (event.key === "Escape") {
    event.preventDefault();
    if (box.value) clear();
    else box.blur();
  } else if (event.key === "ArrowDown" && onLeave()) event.preventDefault();
  // The key that leads here does nothing where one is already; no query begins with it.
  else if (event.key === "/" && !box.value) event.preventDefault();
}
