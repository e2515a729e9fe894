// What is around the photos: colours, help, the drawer of filters, order and size.
// In: clicks. Out: changes of the state, and of what this browser remembers.

import * as api from "./api.js";
import * as facets from "./facets.js";
import { kept } from "./kept.js";
import * as state from "./state.js";
import * as words from "./words.js";

const THEMES = ["", "light", "dark"];
const THEME_NAMES = { "": "system", light: "light", dark: "dark" };

const byId = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 63.9em)");
const root = document.documentElement;

export function init({ onSize }) {
  for (const id of ["theme", "colours"]) byId(id).addEventListener("click", nextTheme);
  showTheme();

  byId("help").addEventListener("click", showHelp);
  byId("how").addEventListener("click", showHelp);
  byId("help-close").addEventListener("click", () => byId("help-dialog").close());
  byId("help-dialog").addEventListener("click", (event) => {
    if (event.target === event.currentTarget) event.currentTarget.close(); // beside it
  });

  if (kept("filters") === "hidden") root.classList.add("no-facets");
  byId("filters").addEventListener("click", () => toggleFilters());
  byId("facets-close").addEventListener("click", () => toggleFilters(false));
  narrow.addEventListener("change", () => {
    root.classList.remove("drawer");
    showFilters();
  });
  document.addEventListener("click", (event) => {
    if (root.classList.contains("drawer") && !event.target.closest("#facets, #filters")) toggleFilters(false);
  });
  showFilters();

  byId("size").value = size() * 100;
  byId("size").addEventListener("input", ({ target }) => {
    onSize(target.value / 100);
    kept("size", target.value === "100" ? "" : target.value);
  });
  for (const name of ["sort", "words"]) {
    byId(name).addEventListener("change", ({ target }) => state.change({ [name]: target.value }));
  }
  byId("small").addEventListener("change", ({ target }) => state.change({ small: target.checked }));
  api
    .status()
    .then(({ regions }) => (byId("option-small").hidden = !regions?.looked_at))
    .catch(() => {});
  showOptions();
}

export const size = () => Number(kept("size") || 100) / 100;

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "") + 1) % THEMES.length];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  kept("theme", next);
  showTheme();
}

function showTheme() {
  const chosen = root.dataset.theme ?? "";
  const said = `Colours: ${THEME_NAMES[chosen]}`;
  byId("theme").dataset.theme = chosen;
  byId("theme").setAttribute("aria-label", said);
  byId("theme").title = said;
  byId("colours").textContent = said;
}

export const showHelp = () => byId("help-dialog").showModal();

// On wide screens the filters stand beside the photos, on others they are a drawer over them.
export function toggleFilters(on = null) {
  if (narrow.matches) {
    root.classList.toggle("drawer", on ?? undefined);
    const isOpen = root.classList.contains("drawer");
    (isOpen ? byId("facets-close") : byId("filters")).focus();
    if (isOpen) facets.load();
  } else {
    root.classList.toggle("no-facets", on === null ? undefined : !on);
    kept("filters", root.classList.contains("no-facets") ? "hidden" : "");
  }
  showFilters();
}

function showFilters() {
  const isShown = narrow.matches ? root.classList.contains("drawer") : !root.classList.contains("no-facets");
  byId("filters").setAttribute("aria-expanded", String(isShown));
}

// Order, and what is compared, as the state has it; only what can be chosen is offered.
export function showOptions() {
  const asked = state.get();
  const listing = document.getElementById("results").dataset.mode === "list";
  const text = words.withoutFilters(asked.q);
  byId("sort").options[0].textContent = listing ? "Newest first" : "Best first";
  byId("sort").options[1].hidden = listing;
  byId("sort").value = asked.sort === "date" && listing ? "" : asked.sort;
  if (byId("sort").selectedIndex < 0) byId("sort").value = "";
  byId("words").value = asked.words;
  byId("option-words").hidden = !text || asked.like.length > 0 || Boolean(asked.example);
  byId("small").checked = asked.small;
  byId("filters").classList.toggle("active", words.qualifiers(asked.q).length > 0);
  document.title = asked.q ? `${asked.q} – photosearch` : "photosearch";
}
