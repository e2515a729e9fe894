// What can be done with the photo that is open: more like it, copying, saving, selecting.
// In: the photo. Out: changes of the state, the clipboard, a file.

import * as api from "./api.js";
import { copyText, icon, make } from "./elements.js";
import { nameOf } from "./lightbox_format.js";
import * as select from "./select.js";
import * as state from "./state.js";
import * as words from "./words.js";

const LEAVE = { photo: null, sort: "", words: "", crop: "", example: null, like: [], unlike: [] };

// photo() → {id, hit, facts}. within(): the open dialog. say(text): a short word over the picture.
export function makeActions({ photo, within, say, onSelect }) {
  const made = {};
  const pathOf = () => photo().hit?.path ?? photo().facts?.paths[0] ?? "";

  // The text's filters still hold; what it looks for is replaced by the photo.
  const like = (patch = {}) =>
    state.change({ ...LEAVE, q: words.onlyFilters(state.get().q), like: [photo().id], ...patch });
  const seek = (filter) => state.change({ ...LEAVE, q: filter });

  function lean(to, from) {
    const now = state.get();
    const { id } = photo();
    state.change({
      photo: null,
      [to]: [...now[to].filter((one) => one !== id), id],
      [from]: now[from].filter((one) => one !== id),
      crop: "",
    });
  }

  async function copy(text, what) {
    const done = await copyText(text, within());
    say(done ? `${what} is copied.` : `The browser refused to copy. ${text}`);
  }

  async function openFolder() {
    try {
      await api.openFolder(photo().id);
      say("The folder is open.");
    } catch (error) {
      say([error.message, error.hint].filter(Boolean).join(": "));
    }
  }

  function toggleSelected() {
    if (!photo()) return;
    const { id } = photo();
    select.toggle(id);
    onSelect();
    say(select.has(id) ? "Selected." : "No longer selected.");
  }

  const act = (name, sign, label, onclick, attributes = {}) =>
    (made[name] = make("button", { type: "button", class: "button", onclick, ...attributes }, icon(sign), label));
  const anchor = (name, sign, label, attributes) =>
    (made[name] = make("a", { class: "button", ...attributes }, icon(sign), label));
  const element = make(
    "div",
    { class: "lb-actions", role: "group", "aria-label": "What can be done", hidden: true },
    act("like", "more", "Photos like this", () => like(), { class: "button is-first is-wide" }),
    act("plus", "plus", "More of this", () => lean("like", "unlike"), { title: "Beside what was asked" }),
    act("minus", "minus", "Less of this", () => lean("unlike", "like"), { title: "Beside what was asked" }),
    act("select", "check", "Select", toggleSelected, { "aria-pressed": "false" }),
    act("path", "copy", "Copy path", () => copy(pathOf(), "The path")),
    anchor("original", "open", "Open original", { target: "_blank", rel: "noopener" }),
    anchor("download", "download", "Download", { download: true }),
    act("folder", "folder", "Open folder", openFolder, { hidden: true, class: "button is-wide" }),
  );

  // The photo's facts are there. What needs its file is off where there is none.
  function ready({ mayOpen, hasFile }) {
    const { id } = photo();
    made.download.setAttribute("download", nameOf(pathOf()));
    made.path.disabled = !pathOf();
    made.folder.hidden = !mayOpen;
    made.folder.disabled = !hasFile;
    for (const [one, url] of [[made.original, api.imageUrl(id)], [made.download, api.fileUrl(id)]]) {
      // A link without an address can neither be clicked nor be reached by Tab.
      if (hasFile) one.href = url;
      else one.removeAttribute("href");
      one.classList.toggle("is-off", !hasFile);
    }
    element.hidden = false;
  }

  const place = () => made.select.setAttribute("aria-pressed", String(Boolean(photo() && select.has(photo().id))));

  return { element, ready, place, like, seek, copy, openFolder, toggleSelected };
}
