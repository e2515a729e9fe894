// What the lightbox says of a photo: why it matched, what is known of it, what can be done with it.
// In: a hit, the facts of a photo (docs/json.md). Out: sections, and boxes for the picture.

import { previewUrl } from "./api.js";
import { counted, icon, iconButton, make } from "./elements.js";

export const nameOf = (path) => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
const percent = (share) => `${Math.round(share * 100)} %`;
export const cornersOf = ([x0, y0, x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

export function section(title, ...content) {
  return make("section", { class: "lb-section" }, make("h3", {}, title), ...content);
}

// ---- why it matched -----------------------------------------------------------------------------

// → {element, boxes}: boxes of the picture have the keys of the list's items.
export function whyOf(hit, link) {
  const boxes = [];
  if (!hit) return { element: null, boxes };
  const { looks_like: looks, reads, region, geometry } = hit.evidence ?? {};
  const rows = [];
  if (hit.relevance !== null && hit.relevance !== undefined) {
    rows.push(meter("Matches", hit.relevance, hit.relevance >= 0.5 ? "well" : "weakly"));
  }
  if (looks?.relevance !== null && looks?.relevance !== undefined) {
    rows.push(meter("By its looks", looks.relevance));
  }
  if (looks) {
    const rank = looks.rank ? `, number ${looks.rank} by looks` : "";
    rows.push(make("p", { class: "lb-fine" }, `likeness ${looks.cosine.toFixed(3)}${rank}`));
  }
  if (region) {
    boxes.push({ kind: "part", boxes: [{ key: "region", corners: cornersOf(region.box), label: "this part" }] });
    rows.push(item(link, "region", `A part of it fits best: likeness ${region.cosine.toFixed(3)}`));
  }
  if (geometry) {
    const corners = geometry.corners?.every(Boolean) ? geometry.corners : cornersOf(geometry.box);
    boxes.push({ kind: "part", boxes: [{ key: "geometry", corners, label: "the same thing" }] });
    rows.push(item(link, "geometry", `Shows the same thing: ${counted(geometry.inliers, "point")} lie alike`));
  }
  if (reads) {
    rows.push(make("p", {}, reads.whole ? "These words are printed in it:" : "Some of the words are printed in it:"));
    const lines = reads.lines?.length ? reads.lines : [reads];
    boxes.push({
      kind: "match",
      boxes: lines.map((line, at) => ({ key: `match-${at}`, corners: line.box })),
    });
    rows.push(
      make("ul", { class: "lb-lines" }, lines.map((line, at) =>
        make("li", {}, item(link, `match-${at}`, line.text, `read with ${percent(line.confidence)}`)))),
    );
  }
  return { element: rows.length ? section("Why it is here", ...rows) : null, boxes };
}

function meter(label, share, word = "") {
  const bar = make("span", { class: "lb-meter", "aria-hidden": "true" }, make("span", {}));
  bar.firstChild.style.width = percent(share).replace(" ", "");
  return make(
    "p",
    { class: "lb-measure" },
    make("span", {}, label),
    bar,
    make("b", {}, word ? `${word}, ${percent(share)}` : percent(share)),
  );
}

// A line that lights its box in the picture, and is lit by it.
export function item(link, key, text, aside = "") {
  const button = make(
    "button",
    { type: "button", class: "lb-item", "data-box": key, title: "Show where" },
    make("span", { class: "lb-item-text" }, text),
    aside ? make("span", { class: "lb-aside" }, aside) : null,
  );
  button.addEventListener("pointerenter", () => link.light(key));
  button.addEventListener("pointerleave", () => link.light(null));
  button.addEventListener("focus", () => link.light(key));
  button.addEventListener("blur", () => link.light(null));
  button.addEventListener("click", () => link.light(key));
  return button;
}

// ---- facts --------------------------------------------------------------------------------------

const ENGLISH = navigator.language?.startsWith("en") ? navigator.language : "en-GB";
const DAY = new Intl.DateTimeFormat(ENGLISH, { dateStyle: "full", timeZone: "UTC" });
const TIME = new Intl.DateTimeFormat(ENGLISH, { timeStyle: "short", timeZone: "UTC" });

// The clock of where the photo was taken, whatever the clock here says.
export function dateInWords(takenAt) {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)[^Z+-]*(Z|[+-]\d\d:\d\d)?$/.exec(takenAt ?? "");
  if (!found) return takenAt ? { day: takenAt, time: "" } : null;
  const at = new Date(`${found[1]}T${found[2]}Z`);
  const offset = { Z: " UTC", undefined: "" }[found[3]] ?? ` (UTC${found[3].replace("-", "−")})`;
  return { day: DAY.format(at), time: TIME.format(at) + offset, date: found[1] };
}

export function bytesInWords(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const step = Math.min(Math.floor(Math.log10(bytes) / 3), 3);
  const value = bytes / 1000 ** step;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${["", "kB", "MB", "GB"][step]}`;
}

export function exposureInWords(facts) {
  const { exposure, f_number: aperture, iso, focal_length: focal } = facts;
  const time = !exposure ? null : exposure < 0.4 ? `1/${Math.round(1 / exposure)} s` : `${Number(exposure.toFixed(1))} s`;
  return [
    time,
    aperture ? `f/${Number(aperture.toFixed(1))}` : null,
    iso ? `ISO ${iso}` : null,
    focal ? `${Number(focal.toFixed(1))} mm` : null,
  ].filter(Boolean).join(" · ");
}

const FORMATS = { jpeg: "JPEG", png: "PNG", webp: "WebP", heic: "HEIC", heif: "HEIF", avif: "AVIF", gif: "GIF",
  tiff: "TIFF", bmp: "BMP", jxl: "JPEG XL" };
export const formatInWords = (format) => FORMATS[format] ?? (format ?? "").toUpperCase();

export const placeInWords = (place) =>
  place ? [...new Set([place.city, place.region, place.country].filter(Boolean))].join(", ") : "";

export const quoted = (value) => (/[\s"():,]/.test(value) ? `"${value.replaceAll('"', "")}"` : value);

// seek(filter): look for photos by it. copy(text, what).
export function factsOf(facts, { seek, copy, mayOpen, openFolder }) {
  const list = make("dl", { class: "lb-facts" });
  const row = (name, ...values) => {
    const shown = values.flat().filter(Boolean);
    if (shown.length) list.append(make("div", {}, make("dt", {}, name), make("dd", {}, ...shown)));
  };
  const more = (filter, text, what) =>
    make("button", { type: "button", class: "lb-link", title: what, onclick: () => seek(filter) }, text);
  const date = dateInWords(facts.taken_at);
  if (date) {
    row("Taken", date.date ? more(`date:${date.date}`, date.day, "Photos of this day") : date.day,
      date.time ? make("span", { class: "lb-aside" }, ` ${date.time}`) : null);
  }
  const place = placeInWords(facts.place);
  if (place) row("Place", more(`place:${quoted(facts.place.city || facts.place.country)}`, place, "Photos of this place"));
  const camera = cameraOf(facts);
  if (camera) row("Camera", more(`camera:${quoted(facts.camera || facts.make)}`, camera, "Photos of this camera"));
  if (facts.lens) row("Lens", more(`lens:${quoted(facts.lens)}`, facts.lens, "Photos with this lens"));
  row("Exposure", exposureInWords(facts));
  const pixels = facts.width * facts.height;
  const size = pixels >= 1e5 ? ` (${(pixels / 1e6).toFixed(1)} megapixels)` : "";
  row("Size", `${facts.width} × ${facts.height}${size}`);
  row("File", `${formatInWords(facts.format)}, ${bytesInWords(facts.bytes)}`);
  if (facts.tags?.length) {
    row("Tags", make("span", { class: "lb-tags" }, facts.tags.map((tag) =>
      more(`tag:${quoted(tag.label ?? tag)}`, tag.label ?? tag, "Photos with this tag"))));
  }
  const paths = make("ul", { class: "lb-paths" }, facts.paths.map((path) => make(
    "li",
    {},
    make("span", { class: "lb-path" }, ...breakable(path)),
    iconButton("copy", "Copy the path", () => copy(path, "The path")),
  )));
  if (mayOpen && facts.paths.length) {
    paths.firstChild.append(iconButton("folder", "Show in the folder", openFolder));
  }
  const copies = facts.paths.length > 1 ? `${facts.paths.length} copies` : "Path";
  if (facts.paths.length) list.append(make("div", { class: "is-wide" }, make("dt", {}, copies), make("dd", {}, paths)));
  else row("Path", "none: its file is not there now");
  return section("Facts", list);
}

// Lines may break after each folder.
const breakable = (path) => path.split(/(?<=[/\\])/).flatMap((part) => [part, make("wbr")]);

function cameraOf({ make: maker, camera }) {
  if (!maker || !camera) return camera || maker || "";
  return camera.toLowerCase().startsWith(maker.toLowerCase().split(" ")[0]) ? camera : `${maker} ${camera}`;
}

// ---- printed words ------------------------------------------------------------------------------

export function wordsOf(facts, link, { copy, isShown, show }) {
  const lines = facts.words ?? [];
  const boxes = lines.map((line, at) => ({ key: `line-${at}`, corners: line.box }));
  if (!lines.length) return { element: null, boxes: [] };
  const box = make("input", { type: "checkbox", class: "lb-check" });
  box.checked = isShown;
  box.addEventListener("change", () => show(box.checked));
  const head = make(
    "div",
    { class: "lb-row" },
    make("label", { class: "lb-toggle" }, box, " Show where"),
    make("button", { type: "button", class: "lb-button", onclick: () => copy(lines.map((line) => line.text).join("\n"), "The text") },
      icon("copy"), "Copy text"),
  );
  const items = lines.map((line, at) => item(link, `line-${at}`, line.text));
  const list = make("ul", { class: "lb-lines is-long", "aria-label": "Printed lines" }, items.map((one) => make("li", {}, one)));
  oneStop(list, items);
  const element = section(`Printed words (${counted(lines.length, "line")})`, head, list);
  return { element, boxes: [{ kind: "line", boxes }], box };
}

// Tab leads to one of many lines, arrows up and down to the others.
function oneStop(list, items) {
  for (const one of items.slice(1)) one.tabIndex = -1;
  list.addEventListener("keydown", (event) => {
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (!items[next]) return;
    items[at].tabIndex = -1;
    items[next].tabIndex = 0;
    items[next].focus();
  });
}

// ---- photos like it -----------------------------------------------------------------------------

export function nearestOf(facts, { open }) {
  const nearest = facts.nearest ?? [];
  if (!nearest.length) return null;
  const strip = make("ul", { class: "lb-strip" }, nearest.map((hit) => make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "lb-near", title: hit.path, "aria-label": `Open ${nameOf(hit.path)}`, onclick: () => open(hit.photo) },
      make("img", { src: previewUrl(hit.photo, 110), alt: "", loading: "lazy", width: "96", height: "96" }),
    ),
  )));
  return section("Photos like it", strip);
}
