// Text as code, with a button that copies it.

import { copyText, icon, make } from "./elements.js";

export function code(text, what) {
  const said = make("span", { class: "api-said", role: "status" });
  const button = make("button", { type: "button", class: "api-copy", "aria-label": `Copy: ${what}`, title: "Copy" }, icon("copy"));
  button.addEventListener("click", async () => {
    said.textContent = (await copyText(text)) ? "copied" : "the browser refused";
    setTimeout(() => (said.textContent = ""), 2500);
  });
  return make("div", { class: "api-code" }, make("pre", { tabindex: "0", role: "group", "aria-label": what }, make("code", {}, text)), said, button);
}
