// What was found: asked for, kept, and shown as a grid that grows as it is scrolled.
// In: the state. Out: hits on the page, what is said about them. A late answer never replaces a newer one.

import * as api from "./api.js";
import { counted, make } from "./elements.js";
import * as example from "./example.js";
import * as grid from "./grid.js";
import * as state from "./state.js";

const PAGE = 60; // hits of one request: more than a large screen shows
const MOST = 1000; // of one request
const KEPT = 12; // answers that Back brings back at once
const NEW_MS = 60_000; // so long they stand for the same question, too: photos may come meanwhile
const FEW = 6; // photos below a heading
const SLOW_MS = 300; // from then on something says that it works

let answer = null; // {key, hits, more, total, matches_well, notes, listing}
let shownKey = null; // of the answer that is on the page
let order = []; // hits as they are shown
let running = null; // AbortController of the request that counts
let watcher = null;
let growing = null; // promise of the page that is being fetched
const answers = new Map(); // key → answer, the latest last
const listeners = new Set();

// The hits, as they are shown.
export const hits = () => order;
export const total = () => answer?.total ?? null;
export const hasMore = () => Boolean(answer?.more);
// fn({answer, error, grown}): after each answer, and each error.
export const onChange = (fn) => void listeners.add(fn);

// The keyboard goes back to a photo, for instance when the lightbox closes.
export const focusPhoto = (id) => grid.focusOn(id);

const keyOf = (asked) => state.addressOf({ ...asked, photo: null });

export function init() {
  watcher = new IntersectionObserver(
    (seen) => seen.some((one) => one.isIntersecting) && loadMore(),
    { rootMargin: "1600px 0px" },
  );
}

// Whether the end is in sight is told again: it may still be, below a short page.
function watchEnd() {
  const end = document.getElementById("end");
  watcher.unobserve(end);
  watcher.observe(end);
}

function parameters(asked, more) {
  const text = asked.q.trim();
  const { like, unlike, sort, crop, small } = asked;
  const words = text && !like.length && !asked.example ? asked.words : "";
  return { q: text, like, unlike, sort, words, small: small && "true", crop, ...more };
}

async function fetchPage(asked, more, signal) {
  const image = asked.example ? await example.blobOf(asked.example) : null;
  return api.search(parameters(asked, more), { image, signal });
}

// Ask for what the state says. typing: there will be more letters. count: so many at once, as
// there were before. back: as it was then. → whether the page shows this answer now.
export async function load(asked, { typing = false, count = PAGE, again = false, back = false } = {}) {
  running?.abort();
  growing = null;
  const key = keyOf(asked);
  const kept = again ? null : answers.get(key);
  if (kept && kept.hits.length >= Math.min(count, PAGE) && (back || performance.now() - kept.at < NEW_MS)) {
    running = null;
    busy(false);
    accept(kept, asked);
    return true;
  }
  const mine = (running = new AbortController());
  const slow = setTimeout(() => busy(true), SLOW_MS);
  try {
    const wanted = Math.min(Math.max(count, PAGE), MOST);
    const more = { k: wanted, typing: typing && "true" };
    const document_ = await fetchPage(asked, more, mine.signal);
    if (mine !== running) return false;
    accept(made(key, document_, asked), asked);
    return true;
  } catch (error) {
    if (mine !== running || api.isAbort(error)) return false;
    tell({ error, typing });
    return false;
  } finally {
    clearTimeout(slow);
    if (mine === running) busy(false);
  }
}

// Ask for the next page. → whether there were more.
export function loadMore() {
  if (!answer?.more || !running?.signal) return Promise.resolve(false);
  growing ??= grow(answer).finally(() => (growing = null));
  return growing;
}

async function grow(from) {
  const mine = running;
  try {
    const next = await fetchPage(from.asked, { k: PAGE, offset: from.fetched }, mine.signal);
    if (answer !== from) return false;
    const known = new Set(from.hits.map((hit) => hit.photo));
    const fresh = next.hits.filter((hit) => !known.has(hit.photo));
    from.hits.push(...fresh);
    from.fetched += next.hits.length;
    from.more = next.more && next.hits.length > 0;
    show(from);
    tell({ answer: from, grown: true });
    return fresh.length > 0;
  } catch (error) {
    if (!api.isAbort(error) && answer === from) {
      from.more = false;
      tell({ error });
    }
    return false;
  }
}

function made(key, document_, asked) {
  const { hits: found, more, total: all, matches_well: well, notes, parts, words, phrases } = document_;
  return {
    key,
    asked,
    at: performance.now(),
    hits: found,
    fetched: found.length,
    more,
    total: all ?? null,
    matchesWell: well,
    notes,
    listing: !parts.length && !words && !phrases.length,
  };
}

function accept(next, asked) {
  running ??= new AbortController();
  answer = next;
  answer.asked = asked;
  answers.delete(next.key);
  answers.set(next.key, next);
  if (answers.size > KEPT) answers.delete(answers.keys().next().value);
  show(next);
  tell({ answer: next });
}

// Everything that is kept may have changed: the library was written, or the server began anew.
export const forget = () => answers.clear();

function tell(what) {
  for (const fn of listeners) fn(what);
}

function busy(on) {
  document.documentElement.classList.toggle("busy", on);
  document.getElementById("results").setAttribute("aria-busy", String(on));
}

function show(shown) {
  const groups = shown.listing ? byDate(shown) : byRelevance(shown.hits);
  order = groups.flatMap((group) => group.hits);
  // Below headings of dates there is nothing that a caption would add.
  const bare = shown.listing && shown.unit;
  Object.assign(document.getElementById("results").dataset, {
    mode: shown.listing ? "list" : "search",
    captions: bare ? "off" : "on",
  });
  grid.show(groups, { more: shown.key === shownKey });
  shownKey = shown.key;
  watchEnd();
}

const isWeak = (hit) => hit.relevance !== null && hit.relevance < 0.5;

function byRelevance(all) {
  const strong = all.filter((hit) => !isWeak(hit));
  const weak = all.filter(isWeak);
  const groups = [];
  if (strong.length) groups.push({ key: "strong", title: null, hits: strong });
  // Where all are weak, that is said above them already.
  if (weak.length) groups.push({ key: "weak", title: strong.length ? "These match less well" : null, hits: weak });
  return groups;
}

const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

// Months as headings, or years; none where that would be a photo or two below each.
function byDate(shown) {
  const part = (hit, length) => (hit.taken_at ?? "").slice(0, length);
  if (shown.unit === undefined) {
    const dated = shown.hits.filter((hit) => hit.taken_at);
    const perGroup = (length) => dated.length / new Set(dated.map((hit) => part(hit, length))).size;
    const byTime = ["", "date", "oldest"].includes(shown.asked.sort);
    shown.unit = byTime ? ([7, 4].find((length) => perGroup(length) >= FEW) ?? 0) : 0;
  }
  if (!shown.unit) return [{ key: "all", title: null, hits: shown.hits }];
  const groups = new Map();
  for (const hit of shown.hits) {
    const key = part(hit, shown.unit);
    if (!groups.has(key)) groups.set(key, { key: `date ${key}`, title: titleOf(key), hits: [] });
    groups.get(key).hits.push(hit);
  }
  return [...groups.values()];
}

function titleOf(key) {
  if (!key) return "Without a date";
  return key.length === 4 ? key : MONTH.format(new Date(`${key}-01T00:00:00Z`));
}

// How many there are, in words.
export function summary(shown) {
  const count = shown.hits.length;
  if (shown.listing) {
    const all = shown.total ?? count;
    return `${counted(all, "photo")}${shown.total === null && shown.more ? " and more" : ""}`;
  }
  const weak = shown.hits.filter(isWeak).length;
  if (!count) return "No photos found";
  if (weak === count) return `The closest ${counted(count, "photo")}`;
  const strong = count - weak;
  const judged = shown.hits.some((hit) => hit.relevance !== null);
  if (!judged) return shown.more ? `The closest ${counted(count, "photo")}` : counted(count, "photo");
  const open = shown.more && !weak ? " and more" : "";
  return `${counted(strong, "photo")}${open} ${strong === 1 && !open ? "matches" : "match"} well`;
}

// A link that asks something else, for a note or an empty page.
export function askLink(text, patch) {
  return make("a", { href: state.addressOf({ ...state.get(), photo: null, ...patch }), class: "asks" }, text);
}
