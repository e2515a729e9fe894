// What is said about the results: how many, notes, why there are none, and what went wrong.
// In: answers and errors. Out: lines of the page, and of the live region for those who listen.

import * as api from "./api.js";
import { make } from "./elements.js";
import * as results from "./results.js";
import * as state from "./state.js";
import * as words from "./words.js";

const HALF_TYPED_MS = 900; // a qualifier that is being typed is no mistake yet
const HEARD_MS = 700; // what is read aloud is the answer that stays
const AGAIN_MS = 3000;

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
  byId("problem").replaceChildren(make("span", {}, upper(message)), hint ? make("span", { class: "hint" }, ` ${hint}`) : "");
}

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
  banner("The server has ended", "Start it again with ", make("code", {}, "photosearch serve"), ".");
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

// Of what the command line says, what is of use here; a command becomes a link that asks the same.
function showNotes(answer) {
  const lines = [];
  if (answer.matchesWell === false && answer.hits.length) {
    lines.push(make("p", { class: "note strong" }, "Nothing in this library matches well. The closest are:"));
  }
  for (const note of answer.hits.length ? answer.notes : []) {
    if (/^nothing in this library matches well/.test(note)) continue;
    const asks = /^(.*?):? photosearch query (\S.*)$/.exec(note);
    const text = asks ? asks[1] : note;
    const q = asks?.[2].replace(/^'(.*)'$/, "$1");
    const line = upper(text);
    const link = q && results.askLink(`Show ${q}`, { q, like: [], unlike: [], example: null, words: "" });
    lines.push(make("p", { class: "note" }, line, link && ": ", link));
  }
  byId("notes").replaceChildren(...lines);
}

async function showEmpty(answer) {
  const box = byId("empty");
  box.hidden = answer.hits.length > 0;
  if (!box.hidden) box.replaceChildren(...(await emptyLines(answer)));
  else box.replaceChildren();
}

async function emptyLines(answer) {
  const { q } = state.get();
  const filters = words.qualifiers(q);
  if (answer.listing && !filters.length) {
    const held = await api.status().catch(() => null);
    if (held?.photos === 0) {
      return [
        make("h2", {}, "No photos yet"),
        make("p", {}, "Put a folder into the library, then load this page again:"),
        make("pre", {}, make("code", {}, "photosearch index ~/Pictures")),
      ];
    }
  }
  const why = (answer.notes ?? []).filter((note) => !/^nothing found( within [a-z ]*)?$/.test(note));
  const lines = [make("h2", {}, "No photo fits"), ...why.map((note) => make("p", {}, upper(note)))];
  if (filters.length) {
    lines.push(make("p", {}, filters.length > 1 ? "Leave out one of the filters:" : "Leave out the filter:"));
    const links = filters.map((one) =>
      make("li", {}, results.askLink(one.text, { q: words.without(q, one.text) })),
    );
    lines.push(make("ul", { class: "leave-out" }, ...links));
  } else lines.push(make("p", {}, "Try other words, or fewer."));
  return lines;
}
