// A line that is said for a moment, and read out by a screen reader.
// In: a text. Out: an element, shown while the text is worth it.

import { make } from "./elements.js";

// role: "status" waits for its turn to be read out, "alert" does not.
export function makeToast({ role = "status", milliseconds = 4000 } = {}) {
  const element = make("p", { class: "toast", role });
  let silence = 0;
  const say = (text) => {
    element.textContent = text;
    element.classList.toggle("is-there", Boolean(text));
    clearTimeout(silence);
    if (text) silence = setTimeout(() => element.classList.remove("is-there"), milliseconds);
  };
  return { element, say };
}
