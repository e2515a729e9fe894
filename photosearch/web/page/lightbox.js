// One photo, large, with all that is known of it: a dialog over the page.
// In: state.photo, the hits of results.js. Out: changes of the state.

import * as api from "./api.js";
import { copyText, counted, icon, iconButton, make } from "./elements.js";
import { cornersOf, factsOf, item, nameOf, nearestOf, section, whyOf, wordsOf } from "./lightbox_panel.js";
import { makeStage } from "./lightbox_stage.js";
import { describePlace, showMap } from "./map.js";
import * as results from "./results.js";
import * as select from "./select.js";
import * as state from "./state.js";
import * as words from "./words.js";

// What browsers show as it is, by its name until its facts are there. Of anything else the server
// has to make a picture: one of the size of the window is enough until somebody looks closer.
const SHOWN = /\.(jpe?g|png|webp|gif|avif)$/i;
const PANEL = "photosearch.panel"; // whether the panel is open, kept from photo to photo

let parts = null; // the dialog's elements, made when it is first wanted
let stage = null;
let current = null; // {id, hit, facts, abort, groups}
let linesShown = false;
let site = null; // the `web` part of /api/status
let map = null;

export function init() {
  state.onChange(update);
  if (state.get().photo) update(state.get(), { how: "start", before: state.get() });
}

export const isOpen = () => Boolean(parts?.dialog.open);

// ---- opening and closing ------------------------------------------------------------------------

function update(now, { how, before }) {
  if (how === "push" && now.photo) {
    // How many steps Back are to the page without a photo: closing goes there, not to a new entry.
    const depth = (before.photo ? (opened ?? 0) : 0) + 1;
    opened = before.photo && opened === null ? null : depth;
    state.remember({ lightbox: opened });
  } else if (how === "pop" || how === "start") opened = state.remembered().lightbox ?? null;
  if (now.photo) open(now.photo);
  else if (isOpen()) shut();
  else if (current) forget();
}

let opened = null;

function close() {
  if (!state.get().photo) return shut();
  if (opened) history.go(-opened);
  else state.change({ photo: null }, { replace: true });
}

function shut() {
  const id = current?.id;
  forget();
  parts.dialog.close();
  document.documentElement.classList.remove("has-lightbox");
  if (id) results.focusPhoto?.(id);
}

function forget() {
  current?.abort.abort();
  current = null;
  map?.destroy();
  map = null;
  stage?.clear();
}

function open(id) {
  parts ??= build();
  if (!parts.dialog.open) {
    parts.dialog.showModal();
    document.documentElement.classList.add("has-lightbox");
    parts.title.focus({ preventScroll: true });
  }
  if (current?.id !== id) show(id);
  else place();
}

// ---- one photo ----------------------------------------------------------------------------------

async function show(id) {
  forget();
  const hit = results.hits().find((one) => one.photo === id) ?? null;
  const mine = { id, hit, facts: null, abort: new AbortController(), located: [] };
  current = mine;
  parts.part.hidden = true;
  parts.crop.disabled = true;
  parts.crop.setAttribute("aria-pressed", "false");
  parts.side.scrollTop = parts.dialog.scrollTop = 0;
  parts.sections.replaceChildren();
  parts.found.replaceChildren();
  parts.said.textContent = "";
  parts.wanted.value = "";
  name(hit?.path ?? "");
  if (hit) {
    picture(hit, hit.path);
    const why = whyOf(hit, link);
    mine.why = why;
    if (why.element) parts.sections.append(why.element);
    boxes();
  }
  place();
  try {
    const [facts] = await Promise.all([api.photo(id, { signal: mine.abort.signal }), known()]);
    if (current !== mine) return;
    mine.facts = facts;
    tell(mine);
  } catch (error) {
    if (api.isAbort(error) || current !== mine) return;
    name(hit?.path ?? "No such photo");
    const said = error.status === 404
      ? "This photo is not in the library: it may have been forgotten since."
      : [error.message, error.hint].filter(Boolean).join(": ");
    parts.lines.hidden = parts.actions.hidden = parts.find.hidden = true;
    if (!hit && parts.dialog.classList.contains("is-bare")) stage.say(said); // the panel is not there to say it
    parts.sections.append(make("p", { class: "lb-problem", role: "alert" }, said));
  }
  preload();
}

// The photo was open before the results came: what they say of it, and its place among them.
function arrived() {
  const hit = current && !current.hit && results.hits().find((one) => one.photo === current.id);
  if (hit) {
    current.hit = hit;
    current.why = whyOf(hit, link);
    if (current.why.element) parts.sections.prepend(current.why.element);
    boxes();
    preload();
  }
  place();
}

async function known() {
  site ??= (await api.status().catch(() => null))?.web ?? {};
}

function name(path) {
  parts.title.textContent = path ? nameOf(path) : "Photo";
  parts.title.title = path;
}

const lowUrl = (id) =>
  // What the grid shows already is there without asking.
  document.querySelector(`.tile[data-photo="${id}"] img`)?.currentSrc || api.previewUrl(id, 480);

function fullUrl(id, path) {
  if (SHOWN.test(path)) return api.imageUrl(id);
  return api.previewUrl(id, Math.max(parts.stage.clientWidth, parts.stage.clientHeight, 480));
}

function picture({ photo: id, width, height, offline = false }, path) {
  stage.show({
    id, width, height, offline, low: lowUrl(id), full: fullUrl(id, path), image: api.imageUrl(id),
    alt: nameOf(path ?? "") || "photo",
  });
}

function tell(mine) {
  const { facts, hit, id } = mine;
  const path = hit?.path ?? facts.paths[0] ?? "";
  name(path);
  picture({ ...facts, photo: id, offline: hit?.offline || !facts.paths.length }, path);
  mine.printed = wordsOf(facts, link, {
    copy,
    isShown: linesShown,
    show: (wanted) => showLines(wanted),
  });
  parts.lines.hidden = !mine.printed.element;
  const spot = facts.latitude === null || facts.longitude === null ? null : mapOf(facts);
  parts.sections.append(
    ...[
      factsOf(facts, { seek, copy, mayOpen: site?.can_open && !hit?.offline, openFolder }),
      spot,
      mine.printed.element,
      nearestOf(facts, { open: (other) => state.change({ photo: other }) }),
    ].filter(Boolean),
  );
  parts.find.hidden = parts.actions.hidden = parts.crop.disabled = false;
  parts.original.href = api.imageUrl(id);
  parts.download.href = api.fileUrl(id);
  parts.download.setAttribute("download", nameOf(path));
  parts.folder.hidden = !site?.can_open;
  for (const one of [parts.original, parts.download, parts.folder]) one.classList.toggle("is-off", !facts.paths.length);
  boxes();
}

function mapOf(facts) {
  const where = { lat: facts.latitude, lon: facts.longitude, label: describePlace(facts) };
  const box = make("div", { class: "lb-map" });
  const show = (points) => {
    map = showMap(box, points, ({ lat, lon, km }) => seek(`near:${lat},${lon} within:${km}`), { here: where });
  };
  requestAnimationFrame(() => current?.facts === facts && show([]));
  api
    .facets("", { signal: current.abort.signal })
    .then((all) => current?.facts === facts && map?.update(all.points ?? []))
    .catch(() => {}); // the photo's own point is enough
  return section("On the map", box, make("p", { class: "lb-fine" }, where.label));
}

// ---- boxes on the picture -----------------------------------------------------------------------

const link = { light: (lit) => stage.light(lit) };

function boxes() {
  const { why, printed, located } = current;
  const groups = [...(linesShown && printed ? printed.boxes : []), ...(why?.boxes ?? [])];
  if (located.length) groups.push({ kind: "found", boxes: located });
  stage.setBoxes(groups);
}

function showLines(wanted) {
  linesShown = wanted;
  parts.lines.setAttribute("aria-pressed", String(wanted));
  if (current?.printed?.box) current.printed.box.checked = wanted;
  if (current) boxes();
}

async function locate(event) {
  event.preventDefault();
  const what = parts.wanted.value.trim();
  const mine = current;
  if (!what || !mine) return;
  parts.found.replaceChildren();
  parts.said.textContent = "Looking …";
  try {
    const answer = await api.locate(mine.id, what, "", { signal: mine.abort.signal });
    if (current !== mine) return;
    const photo = answer.photos[0];
    const across = mine.facts.width / (photo?.width || mine.facts.width);
    const down = mine.facts.height / (photo?.height || mine.facts.height);
    const regions = photo?.regions ?? [];
    mine.located = regions.map((region, at) => ({
      key: `found-${at}`,
      corners: (region.corners ?? cornersOf(region.box)).map(([x, y]) => [x * across, y * down]),
      label: `${region.label} ${Math.round(region.score * 100)} %`,
    }));
    boxes();
    parts.said.textContent = regions.length
      ? `${counted(regions.length, "place")} found`
      : `Nothing like “${what}” was found in this photo.`;
    parts.found.replaceChildren(
      make("ul", { class: "lb-lines" }, regions.map((region, at) =>
        make("li", {}, item(link, `found-${at}`, region.label, `${Math.round(region.score * 100)} %`)))),
    );
    stage.element.scrollIntoView?.({ block: "nearest" });
  } catch (error) {
    if (api.isAbort(error) || current !== mine) return;
    parts.said.textContent = [error.message, error.hint].filter(Boolean).join(": ");
  }
}

// ---- previous and next --------------------------------------------------------------------------

const at = () => results.hits().findIndex((hit) => hit.photo === current?.id);

function place() {
  const index = at();
  const count = results.hits().length;
  parts.where.textContent = index < 0 ? "" : `${index + 1} of ${count.toLocaleString("en")}${results.hasMore?.() ? "+" : ""}`;
  parts.previous.disabled = index <= 0;
  parts.next.disabled = index < 0 || (index === count - 1 && ended);
  parts.select.setAttribute("aria-pressed", String(Boolean(current && select.has(current.id))));
}

let ended = false; // loadMore() brought nothing more, for the hits there were then
let endedAt = -1;

async function go(step) {
  const index = at();
  if (index < 0) return;
  let hits = results.hits();
  if (index + step >= hits.length && step > 0) {
    const from = current.id;
    await results.loadMore();
    hits = results.hits();
    if (current?.id !== from) return;
    if (index + step >= hits.length) {
      ended = true;
      endedAt = hits.length;
      say("This is the last photo.");
      return place();
    }
  }
  const next = hits[index + step];
  if (next) state.change({ photo: next.photo }, { replace: true });
}

function preload() {
  const hits = results.hits();
  const index = at();
  if (hits.length !== endedAt) ended = false;
  if (index < 0) return;
  if (index > hits.length - 4 && !ended) Promise.resolve(results.loadMore()).then(() => current && place());
  for (const hit of [hits[index + 1], hits[index - 1]]) {
    if (hit && !hit.offline) new Image().src = fullUrl(hit.photo, hit.path);
  }
}

// ---- what can be done ---------------------------------------------------------------------------

const leave = { photo: null, sort: "", words: "", crop: "", example: null, like: [], unlike: [] };
// The text's filters still hold; what it looks for is replaced by the photo.
const like = (patch = {}) =>
  state.change({ ...leave, q: words.onlyFilters(state.get().q), like: [current.id], ...patch });
const likeThis = () => like();
const seek = (filter) => state.change({ ...leave, q: filter });

function lean(to, from) {
  const now = state.get();
  state.change({
    photo: null,
    [to]: [...now[to].filter((id) => id !== current.id), current.id],
    [from]: now[from].filter((id) => id !== current.id),
    crop: "",
  });
}

async function copy(text, what) {
  const done = await copyText(text, parts.dialog);
  say(done ? `${what} is copied.` : `The browser refused to copy. ${text}`);
}

async function openFolder() {
  try {
    await api.openFolder(current.id);
    say("The folder is open.");
  } catch (error) {
    say(error.message);
  }
}

let silence = 0;
function say(text) {
  parts.toast.textContent = text;
  parts.toast.classList.add("is-there");
  clearTimeout(silence);
  silence = setTimeout(() => parts.toast.classList.remove("is-there"), 3500);
}

function mark(wanted) {
  if (wanted && current?.facts) {
    stage.startMarking();
    parts.part.hidden = false;
    parts.seekPart.focus();
  } else {
    stage.stopMarking();
    parts.part.hidden = true;
  }
  parts.crop.setAttribute("aria-pressed", String(stage.isMarking()));
}

function seekPart() {
  const crop = stage.marked();
  if (crop) like({ crop: crop.join(",") });
}

// ---- keys ---------------------------------------------------------------------------------------

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onKey(event) {
  event.stopPropagation(); // the page behind has keys of its own
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Tab") return keepFocus(event);
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  const arrow = ARROWS[event.key];
  if (event.key === "Escape") {
    event.preventDefault();
    if (stage.isMarking()) return mark(false), parts.crop.focus();
    return close();
  }
  if (typing) return;
  const run = {
    "+": stage.zoomIn, "=": stage.zoomIn, "-": stage.zoomOut, 0: stage.fit,
    Home: () => goTo(0), i: togglePanel,
    x: toggleSelected,
    s: likeThis,
    w: () => !parts.lines.hidden && showLines(!linesShown),
  }[event.key];
  if (arrow && stage.isMarking()) stage.nudge(...arrow, event.shiftKey);
  else if (arrow && event.target.closest(".lb-side") && arrow[1]) return; // scrolls the panel
  else if (arrow && stage.isZoomed()) stage.shift(-arrow[0] * 80, -arrow[1] * 80);
  else if (arrow?.[0]) go(arrow[0]);
  else if (run) run();
  else return;
  event.preventDefault();
}

// Browsers keep what lies behind a dialog out of reach, but let Tab leave the page at its end.
function keepFocus(event) {
  const all = [...parts.dialog.querySelectorAll("a[href], button:not(:disabled), input, [tabindex='0']")]
    .filter((one) => one.checkVisibility?.() ?? one.offsetParent);
  const end = event.shiftKey ? all[0] : all.at(-1);
  const isOutside = !all.includes(document.activeElement);
  if (document.activeElement !== end && !(isOutside && event.shiftKey)) return;
  event.preventDefault();
  (event.shiftKey ? all.at(-1) : all[0])?.focus();
}

function goTo(index) {
  const hit = results.hits()[index];
  if (hit && at() >= 0) state.change({ photo: hit.photo }, { replace: true });
}

function toggleSelected() {
  if (!current) return;
  select.toggle(current.id);
  place();
  say(select.has(current.id) ? "Selected." : "No longer selected.");
}

function togglePanel() {
  const shown = parts.dialog.classList.toggle("is-bare") === false;
  parts.panel.setAttribute("aria-pressed", String(shown));
  try {
    localStorage.setItem(PANEL, shown ? "" : "bare");
  } catch {
    // not kept where storage is switched off
  }
}

// ---- the dialog ---------------------------------------------------------------------------------

function build() {
  const made = {};
  const tool = (name, label, onclick, attributes) => (made[name] = iconButton(ICON[name] ?? name, label, onclick, attributes));
  const ICON = { lines: "words", zoomOut: "minus", zoomIn: "plus" };
  stage = makeStage({
    onSwipe: go,
    onZoom: ({ zoom, share, least, most }) => {
      if (!parts) return;
      parts.zoomOut.disabled = parts.fit.disabled = least;
      parts.zoomIn.disabled = most;
      parts.scale.textContent = share === null ? "" : `${Math.round(share * 100)} %`;
      if (zoom > 1.001) sharpen();
    },
    onPart: (crop) => {
      if (crop) made.partSize.textContent = `${crop[2]} × ${crop[3]} pixels`;
    },
  });
  stage.onLight = (lit) => {
    for (const one of made.side.querySelectorAll("[data-box]")) one.classList.toggle("is-lit", one.dataset.box === lit);
  };
  made.stage = stage.element;
  made.title = make("h2", { id: "lightbox-title", class: "lb-title", tabindex: "-1" }, "Photo");
  made.where = make("span", { class: "lb-where" });
  made.scale = make("span", { class: "lb-scale", "aria-hidden": "true" });
  const bar = make(
    "header",
    { class: "lb-bar" },
    tool("close", "Close (Esc)", close),
    make("div", { class: "lb-name" }, made.title, made.where),
    make(
      "div",
      { class: "lb-tools", role: "group", "aria-label": "The picture" },
      tool("lines", "Show printed words (w)", () => showLines(!linesShown), { "aria-pressed": "false", hidden: true }),
      tool("crop", "Search by a part of the picture", () => mark(!stage.isMarking()), { "aria-pressed": "false" }),
      tool("zoomOut", "Zoom out (−)", stage.zoomOut),
      made.scale,
      tool("zoomIn", "Zoom in (+)", stage.zoomIn),
      tool("fit", "Fit to the window (0)", stage.fit),
      tool("panel", "Facts beside the picture (i)", togglePanel, { "aria-pressed": "true" }),
    ),
  );
  made.partSize = make("span", { class: "lb-fine" });
  made.seekPart = make("button", { type: "button", class: "lb-button is-first", onclick: seekPart }, icon("search"), "Search for this part");
  made.part = make(
    "div",
    { class: "lb-part", hidden: true, role: "group", "aria-label": "A part of the picture" },
    make("p", { id: "lightbox-part" }, "Draw a frame around what to look for, or move it with the arrow keys (Shift: its size). ", made.partSize),
    made.seekPart,
    make("button", { type: "button", class: "lb-button", onclick: () => mark(false) }, "Cancel"),
  );
  made.seekPart.setAttribute("aria-describedby", "lightbox-part");
  tool("previous", "Previous photo (←)", () => go(-1), { class: "lb-icon lb-turn is-previous" });
  tool("next", "Next photo (→)", () => go(1), { class: "lb-icon lb-turn is-next" });

  const act = (name, sign, label, onclick, attributes = {}) =>
    (made[name] = make("button", { type: "button", class: "lb-button", onclick, ...attributes }, icon(sign), label));
  const anchor = (name, sign, label, attributes) =>
    (made[name] = make("a", { class: "lb-button", ...attributes }, icon(sign), label));
  made.actions = make(
    "div",
    { class: "lb-actions", role: "group", "aria-label": "What can be done", hidden: true },
    act("like", "more", "More like this", likeThis, { class: "lb-button is-first is-wide" }),
    act("plus", "plus", "More of this", () => lean("like", "unlike"), { title: "Beside what was asked" }),
    act("minus", "minus", "Less of this", () => lean("unlike", "like"), { title: "Beside what was asked" }),
    act("select", "check", "Select", toggleSelected, { "aria-pressed": "false" }),
    act("path", "copy", "Copy path", () => copy(current.hit?.path ?? current.facts?.paths[0] ?? "", "The path")),
    anchor("original", "open", "Open original", { target: "_blank", rel: "noopener" }),
    anchor("download", "download", "Download", { download: true }),
    act("folder", "folder", "Open folder", openFolder, { hidden: true, class: "lb-button is-wide" }),
  );
  made.wanted = make("input", {
    id: "lightbox-find", type: "search", class: "lb-field", placeholder: "a dog, a red car", autocomplete: "off", maxlength: "200",
  });
  made.said = make("p", { class: "lb-fine", role: "status" });
  made.found = make("div", {});
  made.find = make(
    "form",
    { class: "lb-section lb-find", onsubmit: locate, hidden: true },
    make("label", { for: "lightbox-find" }, "Find in this photo"),
    make("div", { class: "lb-row" }, made.wanted, make("button", { class: "lb-button", type: "submit" }, icon("search"), "Find")),
    made.said,
    made.found,
  );
  made.sections = make("div", { class: "lb-sections" });
  made.side = make("aside", { class: "lb-side", "aria-label": "About this photo", tabindex: "0" }, made.actions, made.sections, made.find);
  made.toast = make("p", { class: "lb-toast", role: "status" });
  made.dialog = make(
    "dialog",
    { class: "lb", "aria-labelledby": "lightbox-title", tabindex: "-1" }, // so a click within keeps the keys here
    bar,
    make("div", { class: "lb-view" }, made.stage, made.previous, made.next, made.part),
    made.side,
    made.toast,
  );
  made.dialog.addEventListener("keydown", onKey);
  // A button that was pressed and is off now has lost the focus to the page: its keys still count.
  document.addEventListener("keydown", (event) => {
    if (made.dialog.open && !made.dialog.contains(event.target)) onKey(event);
  }, true);
  made.dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  // Browsers close it themselves at a second Esc, whatever `cancel` says.
  made.dialog.addEventListener("close", () => state.get().photo && close());
  select.onChange(() => isOpen() && place());
  results.onChange?.(() => isOpen() && arrived());
  try {
    if (localStorage.getItem(PANEL) === "bare") {
      made.dialog.classList.add("is-bare");
      made.panel.setAttribute("aria-pressed", "false");
    }
  } catch {
    // storage is switched off: the panel is open
  }
  document.getElementById("lightbox").append(made.dialog);
  return made;
}

// Somebody looks closer: of a picture that only had the window's size the whole is needed.
function sharpen() {
  if (current) stage.sharpen(api.imageUrl(current.id));
}
