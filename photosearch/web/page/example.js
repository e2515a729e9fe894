// An image from outside the library as the example of a search: dropped, pasted or chosen.
// In: files of the browser. Out: state.example, and the image itself for results.js. It is kept in
// this tab alone and sent to this library's server alone, which does not store it.

import { counted, icon, make } from "./elements.js";
import { isImage, prepared } from "./example_image.js";
import * as state from "./state.js";
import { makeToast } from "./toast.js";

const KEPT = "photosearch.example.";
const OURS = "application/x-photosearch"; // a photo of the page itself that is dragged

const blobs = new Map(); // key -> {blob, name}
let parts = null;

// The image of a key, or null where this tab does not have it any more.
export function blobOf(id) {
  return recall(id)?.blob ?? null;
}

export const nameOf = (id) => recall(id)?.name ?? "";

const urls = new Map();
// An address of the image for an <img>, or "" where it is gone or no browser shows it.
export function urlOf(id) {
  const known = recall(id);
  if (!known) return "";
  if (!urls.has(id)) urls.set(id, URL.createObjectURL(known.blob));
  return urls.get(id);
}

// Ask for a file: the camera is one of the choices on phones.
export function choose() {
  parts.input.value = "";
  parts.input.click();
}

// Search by this file.
export async function use(file) {
  if (!file) return;
  tell("");
  if (file.size === 0) return tell("That file is empty.");
  if (!isImage(file)) return tell(`“${file.name || "That"}” is not an image.`);
  busy(true);
  try {
    const { blob, small } = await prepared(file);
    const id = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
    blobs.set(id, { blob, name: file.name || "pasted image" });
    keep(id, small, file.name || "pasted image");
    state.change({ example: id, q: "", like: [], unlike: [], crop: "", sort: "", photo: null });
    window.scrollTo({ top: 0 });
  } catch (error) {
    tell(error.message);
  } finally {
    busy(false);
  }
}

// ---- kept in this tab ---------------------------------------------------------------------------

async function keep(id, small, name) {
  if (!small) return;
  const data = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => done(null);
    reader.readAsDataURL(small);
  });
  if (!data) return;
  const text = JSON.stringify({ name, data });
  for (let left = 3; left; left -= 1) {
    try {
      sessionStorage.setItem(KEPT + id, text);
      return;
    } catch {
      const old = Object.keys(sessionStorage).find((key) => key.startsWith(KEPT)); // full: the first goes
      if (!old) return;
      sessionStorage.removeItem(old);
    }
  }
}

function recall(id) {
  if (!id) return null;
  if (!blobs.has(id)) {
    try {
      const { name, data } = JSON.parse(sessionStorage.getItem(KEPT + id));
      const bytes = Uint8Array.from(atob(data.slice(data.indexOf(",") + 1)), (one) => one.charCodeAt(0));
      blobs.set(id, { blob: new Blob([bytes], { type: "image/jpeg" }), name });
    } catch {
      return null;
    }
  }
  return blobs.get(id);
}

// ---- the page -----------------------------------------------------------------------------------

export function init() {
  parts = build();
  document.getElementById("example").append(parts.input, parts.overlay, parts.toast.element);
  document.querySelector(".corner")?.prepend(parts.button);
  document.addEventListener("paste", onPaste);
  document.addEventListener("dragstart", onDragStart);
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, onDragOver);
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) show(false);
  });
  document.addEventListener("drop", onDrop);
  document.addEventListener("dragend", () => {
    isOwn = false;
    show(false);
  });
}

function onPaste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  const file = files.find(isImage) ?? files[0];
  if (!file) return;
  event.preventDefault();
  use(file);
}

let isOwn = false; // what is dragged began on this page

function onDragStart(event) {
  isOwn = true;
  const tile = event.target.closest?.(".tile[data-photo]");
  if (!tile) return;
  event.dataTransfer.setData(OURS, tile.dataset.photo);
  event.dataTransfer.effectAllowed = "copyLink";
}

const isOurs = (event) => event.dataTransfer?.types.includes(OURS);
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
// A link, or a picture of another page of which browsers give the address alone. Nothing is fetched from
// there, and the browser must not leave this page for it. Into a field it may be dropped as text.
const isAddress = (event) =>
  !isOwn && event.dataTransfer?.types.includes("text/uri-list") && !event.target.closest?.("input, textarea");
const isWanted = (event) => isOurs(event) || hasFiles(event) || isAddress(event);

const OVERLAY = {
  photo: ["Drop it for more like this photo", ""],
  file: ["Drop an image to find photos like it", "It is sent to your own server alone, and not stored there."],
  address: ["This is an address, not an image", "Copy the image itself and paste it here, or save it and drop the file."],
};

function onDragOver(event) {
  if (!isWanted(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = isOurs(event) ? "link" : "copy";
  const kind = isOurs(event) ? "photo" : hasFiles(event) ? "file" : "address";
  [parts.title.textContent, parts.aside.textContent] = OVERLAY[kind];
  show(true);
}

function onDrop(event) {
  show(false);
  if (!isWanted(event)) return;
  event.preventDefault();
  if (!isOurs(event) && !event.dataTransfer.files.length) return tell(ADDRESS);
  if (isOurs(event)) {
    const id = event.dataTransfer.getData(OURS);
    state.change({ like: [id], q: "", unlike: [], example: null, crop: "", sort: "", photo: null });
    window.scrollTo({ top: 0 });
    return;
  }
  const files = [...event.dataTransfer.files];
  use(files.find(isImage) ?? files[0]);
  if (files.length > 1) tell(`Of ${counted(files.length, "file")}, the first image is looked for.`);
}

// Over everything, an open dialog too.
function show(on) {
  if (on === parts.overlay.classList.contains("is-there")) return;
  parts.overlay.classList.toggle("is-there", on);
  try {
    if (on) parts.overlay.showPopover();
    else parts.overlay.hidePopover();
  } catch {
    // an older browser: it lies over all but dialogs
  }
}

const ADDRESS = "That is only the address of an image, and nothing is fetched from elsewhere: copy the image and paste it here, or save it and drop the file.";

const tell = (text) => parts.toast.say(text);

function busy(on) {
  document.documentElement.classList.toggle("is-reading", on);
}

function build() {
  const input = make("input", {
    type: "file", id: "example-file", accept: "image/*,.heic,.heif,.avif,.tif,.tiff,.jxl,.dng", hidden: true, tabindex: "-1",
    "aria-label": "An image to search by",
  });
  input.addEventListener("change", () => use(input.files[0]));
  const button = make("button", {
    type: "button", class: "round", id: "by-image", onclick: choose,
    "aria-label": "Search by an image", title: "Search by an image: choose it here, drop it on the page, or paste it",
  });
  const title = make("p", { class: "drop-title" });
  const aside = make("p", { class: "drop-aside" });
  const overlay = make("div", { class: "drop", popover: "manual", "aria-hidden": "true" },
    make("div", { class: "drop-frame" }, icon("image"), title, aside));
  return { input, button, overlay, title, aside, toast: makeToast({ role: "alert", milliseconds: 7000 }) };
}
