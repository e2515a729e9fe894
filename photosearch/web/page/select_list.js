// A list of paths in a dialog.
// In: paths, the element that the dialog follows. Out: nothing.

import { make } from "./elements.js";

// Where a browser gives the clipboard to no page: the list itself, to be copied by hand.
export function showList(paths, after) {
  const field = make("textarea", { class: "sel-list", readonly: true, rows: "10", "aria-label": "Paths of the selected photos" });
  field.value = paths.join("\n");
  const dialog = make(
    "dialog",
    { class: "sel-dialog", "aria-label": "The paths" },
    make("p", {}, "The browser refused to copy. The paths are selected here: copy them by Ctrl+C, or ⌘C."),
    field,
    make("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close"),
  );
  dialog.addEventListener("close", () => dialog.remove());
  after.after(dialog);
  dialog.showModal();
  field.focus();
  field.select();
}
