// Filters with counts: years, places, cameras, folders, tags, formats of the photos that pass those in the text.
// In: the query's text. Out: the text with one more qualifier, or one less: the text is the one truth.

import * as api from "./api.js";
import { make } from "./elements.js";
import * as state from "./state.js";
import * as words from "./words.js";

const SHOWN = 6; // values of a group; the others behind a button

// names: the qualifiers of a group. Any of several must hold, but of tags all.
const GROUPS = [
  { key: "years", title: "Years", names: ["date", "after", "before"], any: true },
  { key: "places", title: "Places", names: ["place"], any: true },
  { key: "countries", title: "Countries", names: ["place"], any: true },
  { key: "cameras", title: "Cameras", names: ["camera"], any: true },
  { key: "folders", title: "Folders", names: ["in"], any: true },
  { key: "tags", title: "Tags", names: ["tag"], any: false },
  { key: "formats", title: "Formats", names: ["type"], any: true },
];

let panel;
let asking = null;
let drawnFor = null;
const opened = new Set(); // groups of which all values are shown
let last = null; // {key: values} that were drawn last

export function init() {
  panel = document.getElementById("facet-groups");
  panel.addEventListener("click", (event) => {
    const value = event.target.closest("[data-filter]");
    if (value) return choose(value.dataset.filter);
    const more = event.target.closest("[data-more]");
    if (!more) return;
    const { more: key } = more.dataset;
    if (!opened.delete(key)) opened.add(key);
    draw(last);
    panel.querySelector(`[data-more="${key}"]`)?.focus();
  });
}

function choose(filter) {
  state.change({ q: words.toggled(state.get().q, filter) });
}

// Ask for the counts of the text's filters, where they are not there already.
export async function load({ again = false } = {}) {
  const { q } = state.get();
  const filters = words.onlyFilters(q);
  if (filters === drawnFor && !again) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const { signal } = mine;
    const groups = await countsOf(filters, signal);
    if (mine !== asking) return;
    drawnFor = filters;
    draw(groups);
  } catch (error) {
    // What is wrong with the text is said with the results; the counts of before stay.
    if (!api.isAbort(error)) drawnFor = null;
  }
}

// Of a group that filters itself the counts are those without its own filters: else the others of
// its values could not be chosen beside it.
async function countsOf(filters, signal) {
  const used = GROUPS.filter(
    (group) => group.any && words.qualifiers(filters).some((one) => group.names.includes(one.name)),
  );
  const texts = [filters, ...used.map((group) => words.withoutNames(filters, group.names))];
  const different = [...new Set(texts)];
  const answers = await Promise.all(different.map((text) => api.facets(text, { signal })));
  const of = (text) => answers[different.indexOf(text)];
  return Object.fromEntries(
    GROUPS.map((group) => {
      const at = used.indexOf(group);
      return [group.key, of(at < 0 ? filters : texts[at + 1])[group.key] ?? []];
    }),
  );
}

function draw(groups) {
  last = groups;
  const focused = document.activeElement?.dataset?.filter;
  panel.replaceChildren(...GROUPS.map((group) => drawGroup(group, groups[group.key])).filter(Boolean));
  if (focused) find(focused)?.focus({ preventScroll: true });
}

const find = (filter) => [...panel.querySelectorAll("[data-filter]")].find((one) => one.dataset.filter === filter);

function drawGroup({ key, title }, values) {
  const { q } = state.get();
  if (!values.length) return null;
  const pressed = values.filter((value) => words.has(q, value.filter));
  // One value that all photos share tells nothing apart.
  if (values.length < 2 && !pressed.length && key !== "years" && key !== "tags") return null;
  const isOpen = opened.has(key) || values.length <= SHOWN + 1;
  const shown = isOpen ? values : values.filter((value, at) => at < SHOWN || pressed.includes(value));
  const most = Math.max(...values.map((value) => value.photos));
  const id = `facet-${key}`;
  return make(
    "section",
    { class: `facet ${key}`, "aria-labelledby": id },
    make("h3", { id }, title),
    make("ul", {}, ...shown.map((value) => drawValue(value, most, pressed.includes(value)))),
    values.length > SHOWN + 1 &&
      make(
        "button",
        { type: "button", class: "more-values", "data-more": key, "aria-expanded": String(isOpen) },
        isOpen ? "Show fewer" : `Show all ${values.length.toLocaleString("en")}`,
      ),
  );
}

function drawValue(value, most, isPressed) {
  const name = value.name ?? value.value;
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
}
