// Which pictures of a photo the lightbox shows, and why one cannot be had.
// In: a photo's id and path. Out: addresses, words.

import * as api from "./api.js";

// What browsers show as it is, by its name until its facts are there. Of anything else the server
// has to make a picture: one of the size of the window is enough until somebody looks closer.
const SHOWN = /\.(jpe?g|png|webp|gif|avif)$/i;

// What the grid shows already is there without asking.
export const lowUrl = (id) =>
  document.querySelector(`.tile[data-photo="${id}"] img`)?.currentSrc || api.previewUrl(id, 480);

export function fullUrl(id, path, element) {
  if (SHOWN.test(path)) return api.imageUrl(id);
  return api.previewUrl(id, Math.max(element.clientWidth, element.clientHeight, 480));
}

// Why the picture `full` of a photo is not there, or is not all of it; "" where it is. low: its preview.
// onGone(): its file is not there.
export async function explain({ offline, full: url }, full, low, onGone) {
  if (full.naturalWidth) return offline ? "The file of this photo is not there now: this is its preview." : "";
  const said = await reasonOf(url, onGone);
  return low.naturalWidth ? `${said} This is its preview.` : said;
}

async function reasonOf(url, onGone) {
  const asking = new AbortController();
  try {
    const answer = await fetch(url, { credentials: "same-origin", signal: asking.signal });
    if (answer.ok) {
      asking.abort(); // its bytes are of no use
      return "This browser cannot show the picture.";
    }
    const { message, hint } = (await answer.json().catch(() => null))?.error ?? {};
    if (answer.status === 410) {
      onGone();
      return "The file of this photo is not there as it was: its disk may not be connected, or it was moved or changed.";
    }
    if (answer.status === 422) return `The picture cannot be read: ${message ?? "its file is damaged"}.`;
    return message ? `${[message, hint].filter(Boolean).join(": ")}.` : `The server answered ${answer.status}.`;
  } catch {
    return "The server does not answer.";
  }
}
