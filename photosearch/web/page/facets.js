// Filters with counts: years, places, cameras, folders, tags, formats of the photos that pass those in the text.
// In: the query's text. Out: the text with one more qualifier, or one less: the text is the one truth.

import * as api from "./api.js";
import { make } from "./elements.js";
import { kept } from "./kept.js";
import * as state from "./state.js";
import * as where from "./where.js";
import * as words from "./words.js";

const NEW_MS = 60_000; // photos may have come since
const SHOWN = 6; // values of a group; the others behind a button
const DATES = ["date", "after", "before"];

// names: the qualifiers of a group, of which any may hold; of tags all must.
const GROUPS = [
  { key: "years", title: "Years", names: DATES, any: true },
  { key: "months", title: "Months", names: DATES, any: true },
  { key: "places", title: "Places", names: ["place"], any: true },
  { key: "countries", title: "Countries", names: ["place"], any: true },
  { key: "points", title: "Map", names: where.NAMES, any: true },
  { key: "cameras", title: "Cameras", names: ["camera"], any: true },
  { key: "folders", title: "Folders", names: ["in"], any: true },
  { key: "tags", title: "Tags", names: ["tag"], any: false },
  { key: "formats", title: "Formats", names: ["type"], any: true },
];

let panel;
let asking = null;
let drawnFor = null;
let drawnAt = 0;
let last = null; // {key: values} that were drawn last
const opened = new Set(); // groups of which all values are shown
const closed = new Set((kept("closed") ?? "").split(" ").filter(Boolean)); // those of which the title is
const slots = new Map(); // key → its section, which stays: the map in it is moved about

export function init() {
  panel = document.getElementById("facet-groups");
  for (const { key } of GROUPS) {
    const slot = make("section", { class: `facet ${key}`, "aria-labelledby": `facet-${key}`, hidden: true });
    slots.set(key, slot);
    panel.append(slot);
  }
  panel.addEventListener("click", (event) => {
    const { filter, more, group } = event.target.closest("button")?.dataset ?? {};
    if (filter) choose(filter);
    else if (more) turn(opened, more);
    else if (group) {
      turn(closed, group);
      kept("closed", [...closed].join(" "));
    }
  });
}

function turn(set, key) {
  if (!set.delete(key)) set.add(key);
  draw(last);
}

// One more value of a kind finds more photos: this or that. Where one lies within the other, such as
// a city in a country that is chosen, it takes its place instead: together they would say no more.
function choose(filter) {
  let { q } = state.get();
  if (words.has(q, filter)) return state.change({ q: words.without(q, filter) });
  const [group, value] = valueOf(filter);
  for (const other of GROUPS.filter(({ names, any }) => any && names[0] === group.names[0])) {
    for (const one of last[other.key] ?? []) {
      if (one.filter && (holds(one, value) || holds(value, one))) q = words.without(q, one.filter);
    }
  }
  if (group.names === DATES) q = words.withoutNames(q, ["after", "before"]); // what is counted passes
  return state.change({ q: words.withToo(q, filter) });
}

function valueOf(filter) {
  for (const group of GROUPS) {
    const value = last[group.key]?.find((one) => one.filter === filter);
    if (value) return [group, value];
  }
  return [GROUPS[0], { value: "", filter }];
}

const holds = (outer, inner) =>
  (outer.kind === "country" && inner.kind === "city" && inner.country === outer.value) ||
  (/^\d{4}$/.test(outer.value) ? ["-"] : ["/", "\\"]).some((apart) => inner.value?.startsWith(outer.value + apart));

// Ask for the counts of the text's filters, where they are not there already.
export async function load() {
  const { q } = state.get();
  const filters = words.onlyFilters(q);
  if (filters === drawnFor && performance.now() - drawnAt < NEW_MS) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const groups = await countsOf(filters, mine.signal);
    if (mine !== asking) return;
    drawnFor = filters;
    drawnAt = performance.now();
    draw(groups);
  } catch (error) {
    // What is wrong with the text is said with the results; the counts of before stay.
    if (!api.isAbort(error)) drawnFor = null;
  }
}

// Of a group that filters itself the counts are those without its own filters: else the others of
// its values could not be chosen beside it.
async function countsOf(filters, signal) {
  const textOf = ({ key, names, any }) => {
    if (!any || !words.qualifiers(filters).some((one) => names.includes(one.name))) return filters;
    const others = words.withoutNames(filters, names);
    return key === "months" ? `${others} ${yearIn(filters)}`.trim() : others;
  };
  const texts = GROUPS.map(textOf);
  const different = [...new Set(texts)];
  const answers = await Promise.all(different.map((text) => api.facets(text, { signal })));
  return Object.fromEntries(
    GROUPS.map(({ key }, at) => [key, answers[different.indexOf(texts[at])][key] ?? []]),
  );
}

// The one year that is chosen, or in which a month is.
function yearIn(filters) {
  const dates = words.qualifiers(filters).filter((one) => one.name === "date" && !one.negated);
  const years = new Set(dates.map((one) => one.value.slice(0, 4)));
  const [year] = years;
  return years.size === 1 && /^\d{4}$/.test(year) ? `date:${year}` : "";
}

function draw(groups) {
  last = groups;
  const focused = panel.contains(document.activeElement) ? { ...document.activeElement.dataset } : {};
  for (const group of GROUPS) drawGroup(group, groups[group.key]);
  for (const kind of ["filter", "more", "group"].filter((one) => focused[one])) {
    const again = [...panel.querySelectorAll(`[data-${kind}]`)].find((one) => one.dataset[kind] === focused[kind]);
    again?.focus({ preventScroll: true });
  }
}

function drawGroup({ key, title, names }, values) {
  const { q } = state.get();
  const slot = slots.get(key);
  const isChosen = words.qualifiers(q).some((one) => names.includes(one.name));
  // One value that all photos share tells nothing apart.
  const least = isChosen || ["years", "tags", "points"].includes(key) ? 1 : 2;
  slot.hidden = values.length < least;
  if (slot.hidden) return;
  const isOpen = !closed.has(key);
  const button = make(
    "button",
    { type: "button", "data-group": key, "aria-expanded": String(isOpen), class: "facet-title" },
    title,
  );
  const heading = make("h3", { id: `facet-${key}` }, button);
  if (key === "points") return where.draw(slot, heading, isOpen ? values : null);
  slot.replaceChildren(heading, ...(isOpen ? listOf(key, values, q) : []));
}

function listOf(key, values, q) {
  const isPressed = (value) => words.has(q, value.filter);
  const isLong = values.length > SHOWN + 1 && key !== "months";
  const isWhole = opened.has(key) || !isLong;
  const shown = isWhole ? values : values.filter((value, at) => at < SHOWN || isPressed(value));
  const most = Math.max(...values.map((value) => value.photos));
  const ordered = key === "months" ? [...shown].reverse() : shown; // as in a calendar
  const list = make("ul", {}, ...ordered.map((value) => drawValue(key, value, most, isPressed(value))));
  if (!isLong) return [list];
  const more = make(
    "button",
    { type: "button", class: "more-values", "data-more": key, "aria-expanded": String(isWhole) },
    isWhole ? "Show fewer" : `Show all ${values.length.toLocaleString("en")}`,
  );
  return [list, more];
}

const MONTH = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" });

function drawValue(key, value, most, isPressed) {
  const name = key === "months" ? MONTH.format(new Date(`${value.value}-01T00:00:00Z`)) : (value.name ?? value.value);
  const aside = value.country && value.kind !== "country" ? value.country : "";
  const button = make(
    "button",
    {
      type: "button",
      class: "value",
      "data-filter": value.filter,
      "aria-pressed": String(isPressed),
      title: value.name ? value.value : value.filter,
    },
    make("span", { class: "value-name" }, name, aside && make("small", {}, ` ${aside}`)),
    " ",
    make("span", { class: "value-count" }, value.photos.toLocaleString("en")),
  );
  button.style.setProperty("--share", (value.photos / most).toFixed(3));
  return make("li", {}, button);
}

// The text has changed, the counts not yet: what is pressed is known at once.
export function press() {
  const { q } = state.get();
  for (const one of panel.querySelectorAll("[data-filter]")) {
    one.setAttribute("aria-pressed", String(words.has(q, one.dataset.filter)));
  }
  where.press();
}
