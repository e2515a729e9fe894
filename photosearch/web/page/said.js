// What is said about the results: how many, notes, why there are none, and what went wrong.
// In: answers and errors. Out: lines of the page, and of the live region for those who listen.

import * as api from "./api.js";
import { readable, runnable } from "./commands.js";
import { make } from "./elements.js";
import * as results from "./results.js";
import * as state from "./state.js";
import * as words from "./words.js";

const HALF_TYPED_MS = 900; // a qualifier that is being typed is no mistake yet
const HEARD_MS = 700; // what is read aloud is the answer that stays
const AGAIN_MS = 3000;
const FIRST_MS = 5000; // photos of an empty library are shown so soon after they are there

const UNFINISHED = /does not count yet/; // the server leaves it out while somebody types

export const isUnfinished = ({ notes }) => (notes ?? []).some((note) => UNFINISHED.test(note));

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const byId = (id) => document.getElementById(id);
let complaining = 0;
let speaking = 0;
let trying = 0;
let again = () => {};

export function init(onAgain) {
  again = onAgain;
}

export function answered(answer) {
  clearTimeout(complaining);
  byId("problem").replaceChildren();
  byId("gone").hidden = true;
  clearTimeout(trying);
  trying = 0;
  count(answer);
  showNotes(answer);
  showEmpty(answer);
}

export function count(answer) {
  const text = results.summary(answer);
  byId("count").textContent = text;
  clearTimeout(speaking);
  const heard = answer.matchesWell === false ? `Nothing in this library matches well. ${text}` : text;
  speaking = setTimeout(() => (byId("live").textContent = heard), HEARD_MS);
}

export function problem(message, hint = "") {
  const said = make("span", {}, ...readable(upper(message), askAlone));
  const help = hint && make("span", { class: "hint" }, " ", ...readable(hint, askAlone));
  byId("problem").replaceChildren(said, help);
}

// A link that asks for this and nothing beside it.
const askAlone = (text, q) =>
  results.askLink(text, { q, like: [], unlike: [], example: null, crop: "", words: "" });

export function failed(error, { typing = false } = {}) {
  clearTimeout(complaining);
  if (error.isGone) return gone();
  if (error.isRefused) return refused(error);
  const wait = typing && error.status < 500 ? HALF_TYPED_MS : 0;
  complaining = setTimeout(() => problem(error.message, error.hint), wait);
}

function banner(title, ...lines) {
  const box = byId("gone");
  if (!box.hidden && box.firstChild?.textContent === title) return;
  const retry = make("button", { type: "button", onclick: () => again() }, "Try again");
  box.replaceChildren(make("strong", {}, title), make("p", {}, ...lines), retry);
  box.hidden = false;
}

// The page goes on by itself when the server is back.
function gone() {
  banner("The server has ended", "Start it again with ", runnable("photosearch serve"), " and this page goes on.");
  clearTimeout(trying);
  trying = setTimeout(async () => {
    try {
      await api.status();
      results.forget();
      again();
    } catch (error) {
      if (error.isGone) gone();
      else again();
    }
  }, AGAIN_MS);
}

function refused(error) {
  banner("This address is not valid any more", `${error.hint || api.TOKEN_HINT}.`);
}

function showNotes(answer) {
  const lines = [];
  if (answer.matchesWell === false && answer.hits.length) {
    lines.push(make("p", { class: "note strong" }, "Nothing in this library matches well. The closest are:"));
  }
  for (const note of answer.hits.length ? answer.notes : []) {
    if (/^nothing in this library matches well/.test(note) || UNFINISHED.test(note)) continue;
    lines.push(make("p", { class: "note" }, ...noteLine(note)));
  }
  byId("notes").replaceChildren(...lines);
}

// "3 photos have this name: name:cat.jpg" leads to them.
function noteLine(note) {
  const named = /^(.* this name): (\S.*)$/.exec(note);
  if (named) return [`${upper(named[1])}: `, askAlone(`Show ${named[2]}`, named[2])];
  return readable(upper(note), askAlone);
}

async function showEmpty(answer) {
  const box = byId("empty");
  box.hidden = answer.hits.length > 0;
  if (!box.hidden) box.replaceChildren(...(await emptyLines(answer)));
  else box.replaceChildren();
}

const inShell = (path) => (/^[\w@%+=:,./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

function awaitPhotos() {
  clearTimeout(trying);
  const mine = (trying = setTimeout(async () => {
    const held = await api.status().catch(() => null);
    if (mine !== trying) return;
    if (held?.photos) again();
    else awaitPhotos();
  }, FIRST_MS));
}

async function emptyLines(answer) {
  const { q } = state.get();
  const filters = words.qualifiers(q);
  if (answer.listing && !filters.length) {
    const held = await api.status().catch(() => null);
    if (held?.photos === 0) {
      awaitPhotos();
      return [
        make("h2", {}, "No photos yet"),
        make("p", {}, "Say where your photos are. In a terminal:"),
        make("p", {}, runnable(`photosearch index --library ${inShell(held.library)} ~/Pictures`)),
        make("p", {}, "Another folder may stand in its place. Photos appear here as soon as they are there."),
      ];
    }
  }
  const why = (answer.notes ?? []).filter((note) => !/^nothing found( within [a-z ]*)?$/.test(note));
  const lines = [make("h2", {}, "No photo fits"), ...why.map((note) => make("p", {}, ...readable(upper(note), askAlone)))];
  if (filters.length) {
    lines.push(make("p", {}, filters.length > 1 ? "Leave out one of the filters:" : "Leave out the filter:"));
    const links = filters.map((one) =>
      make("li", {}, results.askLink(one.text, { q: words.without(q, one.text) })),
    );
    lines.push(make("ul", { class: "leave-out" }, ...links));
  } else lines.push(make("p", {}, "Try other words, or fewer."));
  return lines;
}
