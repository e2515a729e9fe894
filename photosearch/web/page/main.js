// The page: its parts put together, and what is said between them.

import * as chips from "./chips.js";
import * as example from "./example.js";
import * as facets from "./facets.js";
import * as frame from "./frame.js";
import * as grid from "./grid.js";
import * as keys from "./keys.js";
import * as lightbox from "./lightbox.js";
import * as results from "./results.js";
import * as said from "./said.js";
import * as searchbox from "./searchbox.js";
import * as select from "./select.js";
import * as state from "./state.js";

const SEARCHED = ["q", "like", "unlike", "example", "crop", "sort", "words", "small"];
const FINISHED_MS = 900; // a qualifier that is left out while it is typed is a mistake from then on
const COUNTED_MS = 250; // after the results; filters are not what is waited for

let counting = 0;
let scrolled = 0;
let finishing = 0;

async function run({ typing = false, how = "push", again = false, lost = false } = {}) {
  const asked = state.get();
  if (asked.example && !(await example.blobOf(asked.example))) {
    state.change({ example: null, crop: "" }, { replace: true, lost: true });
    return;
  }
  const { scroll = 0, count } = how === "pop" ? state.remembered() : {};
  const began = performance.now();
  const isShown = await results.load(asked, { typing, count, again, back: how === "pop" });
  if (!isShown) return;
  searchbox.answeredIn(performance.now() - began);
  if (!again) window.scrollTo(0, scroll);
  if (lost) said.problem("the example image was in another tab, or is gone", "drop or paste it once more");
}

function where() {
  return { scroll: Math.round(window.scrollY), count: results.hits().length };
}

function start() {
  history.scrollRestoration = "manual";
  frame.init({ onSize: grid.resize });
  grid.init(document.getElementById("grid"), frame.size());
  results.init();
  keys.init(document.getElementById("grid"), { onHelp: frame.showHelp, onFilters: frame.toggleFilters });
  facets.init();
  said.init(() => {
    run({ again: true });
    grid.tryAgain();
  });
  searchbox.init(() => Boolean(grid.currentTile()) && grid.focusOn(grid.currentTile().dataset.photo));
  chips.init();
  select.init();
  example.init();

  state.onLeave(where);
  state.onChange((now, { changed, how, typing, lost }) => {
    clearTimeout(scrolled);
    clearTimeout(finishing);
    frame.showOptions();
    if (SEARCHED.some((name) => changed.has(name))) run({ typing, how, lost });
    if (changed.has("q")) facets.press();
  });
  results.onChange(({ answer, error, typing, grown }) => {
    if (!grown) clearTimeout(counting); // of a text that is refused nothing can be counted
    if (error) return said.failed(error, { typing });
    if (grown) return said.count(answer);
    said.answered(answer);
    frame.showOptions();
    if (said.isUnfinished(answer)) finishing = setTimeout(() => run({ again: true }), FINISHED_MS);
    else counting = setTimeout(() => facets.load(), COUNTED_MS);
  });
  searchbox.onSubmit(() => window.scrollTo(0, 0));
  window.addEventListener("scroll", () => {
    clearTimeout(scrolled);
    scrolled = setTimeout(() => state.remember(where()), 250);
  }, { passive: true });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.asks, a.brand");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    state.go(link.href);
    if (link.matches(".brand")) window.scrollTo(0, 0);
  });

  lightbox.init();
  const { q, photo } = state.get();
  if (!q && !photo && matchMedia("(hover: hover)").matches) searchbox.element().focus();
  run({ how: "pop" });
}

start();
