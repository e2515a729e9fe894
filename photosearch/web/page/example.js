// An image from outside the library as the example of a search: dropped, pasted or chosen.
// In: files of the browser. Out: state.example, and the image itself for results.js. It is kept in
// this tab alone and sent to this library's server alone, which does not store it.

import { counted, icon, make } from "./elements.js";
import * as state from "./state.js";

const LARGEST = 1600; // pixels of the longer side that are sent: the model looks at 224 of them
const SMALL = 640; // of what is kept for Back and reload; some 60 kB
const MOST_BYTES = 50 * 2 ** 20; // what the server takes; of a file that the browser cannot make smaller
const KEPT = "photosearch.example.";
const OURS = "application/x-photosearch"; // a photo of the page itself that is dragged
const ELSEWHERE = /\.(hei[cf]|tiff?|jxl|dng|cr[23w]|nef|nrw|arw|orf|raf|rw2|pef|srw|avif)$/i;

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

const isImage = (file) => file.type.startsWith("image/") || ELSEWHERE.test(file.name) || (!file.type && !file.name.includes("."));

// Small enough to be sent at once; as it is where this browser cannot read it but the server may.
async function prepared(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (!ELSEWHERE.test(file.name) && !/hei[cf]|tiff|jxl|avif|raw|dng/.test(file.type)) {
      throw new Error(`“${file.name || "That image"}” cannot be read as an image: it may be damaged.`);
    }
    if (file.size > MOST_BYTES) {
      throw new Error(`“${file.name}” is too large: ${Math.round(file.size / 2 ** 20)} MiB, and no more than ${MOST_BYTES / 2 ** 20} can be sent.`);
    }
    return { blob: file, small: null };
  }
  const small = await drawn(picture, SMALL, 0.8);
  const longer = Math.max(picture.width, picture.height);
  const fine = longer <= LARGEST && file.size < 3e6 && /jpeg|png|webp/.test(file.type);
  const blob = fine ? file : await drawn(picture, LARGEST, 0.9);
  picture.close();
  return { blob, small };
}

async function drawn(picture, longest, quality) {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // what is transparent lies on white, as in the library
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("This browser could not read the image."))), "image/jpeg", quality));
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
  document.getElementById("example").append(parts.input, parts.overlay, parts.said);
  document.querySelector(".corner")?.prepend(parts.button);
  document.addEventListener("paste", onPaste);
  document.addEventListener("dragstart", onDragStart);
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, onDragOver);
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) show(false);
  });
  document.addEventListener("drop", onDrop);
  document.addEventListener("dragend", () => show(false));
}

function onPaste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  const file = files.find(isImage) ?? files[0];
  if (!file) return;
  event.preventDefault();
  use(file);
}

function onDragStart(event) {
  const tile = event.target.closest?.(".tile[data-photo]");
  if (!tile) return;
  event.dataTransfer.setData(OURS, tile.dataset.photo);
  event.dataTransfer.effectAllowed = "copyLink";
}

const isOurs = (event) => event.dataTransfer?.types.includes(OURS);
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

function onDragOver(event) {
  if (!isOurs(event) && !hasFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = isOurs(event) ? "link" : "copy";
  parts.title.textContent = isOurs(event) ? "Drop it for more like this photo" : "Drop an image to find photos like it";
  parts.aside.textContent = isOurs(event) ? "" : "It is sent to your own server alone, and not stored there.";
  show(true);
}

function onDrop(event) {
  show(false);
  if (!isOurs(event) && !hasFiles(event)) return;
  event.preventDefault();
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

let silence = 0;
function tell(text) {
  parts.said.textContent = text;
  parts.said.classList.toggle("is-there", Boolean(text));
  clearTimeout(silence);
  if (text) silence = setTimeout(() => parts.said.classList.remove("is-there"), 7000);
}

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
  return { input, button, overlay, title, aside, said: make("p", { class: "sel-said", role: "alert" }) };
}
