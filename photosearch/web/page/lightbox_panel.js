// What the lightbox says of a photo: why it matched, what is known of it, what can be done with it.
// In: a hit, the facts of a photo (docs/json.md). Out: sections, and boxes for the picture.

import { previewUrl } from "./api.js";
import { counted, icon, iconButton, make } from "./elements.js";
import { bytesInWords, cameraOf, dateInWords, exposureInWords, formatInWords, nameOf, percent, quoted } from "./lightbox_format.js";

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
        make("li", {}, item(link, `match-${at}`, line.text, `${percent(line.confidence)} sure`)))),
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
  // "Paris, Île-de-France, France": photos of the first of them are looked for.
  if (facts.place) {
    const nearest = facts.place.split(",")[0].trim();
    row("Place", more(`place:${quoted(nearest)}`, facts.place, `Photos of ${nearest}`));
  }
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
      make("img", {
        src: previewUrl(hit.photo, 110), alt: "", loading: "lazy", width: "96", height: "96",
        onerror: (event) => event.target.replaceWith(icon("image")), // its file is not there: no sign of a broken picture
      }),
    ),
  )));
  return section("Photos like it", strip);
}
