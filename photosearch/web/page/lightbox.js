// One photo, large, with all that is known of it: a dialog over the page. When it opens and closes,
// and its keys; what it shows is lightbox_photo.js.
// In: state.photo. Out: changes of the state.

import { keysOf } from "./lightbox_keys.js";
import { makePhoto } from "./lightbox_photo.js";
import * as results from "./results.js";
import * as select from "./select.js";
import * as state from "./state.js";

let photo = null; // made when it is first wanted
let opened = null; // how many steps Back are to the page without a photo

export function init() {
  state.onChange(update);
  if (state.get().photo) update(state.get(), { how: "start", before: state.get() });
}

export const isOpen = () => Boolean(photo?.dialog.open);

function update(now, { how, before }) {
  if (how === "push" && now.photo) {
    // Closing goes Back to the page without a photo, not to a new entry.
    const depth = (before.photo ? (opened ?? 0) : 0) + 1;
    opened = before.photo && opened === null ? null : depth;
    state.remember({ lightbox: opened });
  } else if (how === "pop" || how === "start") opened = state.remembered().lightbox ?? null;
  if (now.photo) open(now.photo);
  else if (isOpen()) shut();
  else photo?.forget();
}

function close() {
  if (!state.get().photo) return shut();
  if (opened) history.go(-opened);
  else state.change({ photo: null }, { replace: true });
}

function shut() {
  const id = photo.id();
  photo.forget();
  photo.dialog.close();
  document.documentElement.classList.remove("has-lightbox");
  if (id) results.focusPhoto?.(id);
}

function open(id) {
  photo ??= build();
  if (!photo.dialog.open) {
    photo.dialog.showModal();
    document.documentElement.classList.add("has-lightbox");
    photo.focus();
  }
  if (photo.id() !== id) photo.show(id);
  else photo.place();
}

function build() {
  const made = makePhoto({ close });
  const { dialog } = made;
  const onKey = keysOf(dialog, made.stage, {
    escape: () => made.stop() || close(),
    turn: made.turn,
    deeds: made.keys,
  });
  dialog.addEventListener("keydown", onKey);
  // A button that was pressed and is off now has lost the focus to the page: its keys still count.
  document.addEventListener("keydown", (event) => {
    if (dialog.open && !dialog.contains(event.target)) onKey(event);
  }, true);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  // Browsers close it themselves at a second Esc, whatever `cancel` says.
  dialog.addEventListener("close", () => state.get().photo && close());
  select.onChange(() => isOpen() && made.place());
  results.onChange?.(() => isOpen() && made.arrived());
  document.getElementById("lightbox").append(dialog);
  return made;
}
