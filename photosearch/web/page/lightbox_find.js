// "Find in this photo": where in one picture a thing is.
// In: words. Out: boxes for the picture, and a list of what was found. A slow answer can be cancelled.

import * as api from "./api.js";
import { counted, icon, make } from "./elements.js";
import { cornersOf, item } from "./lightbox_panel.js";
import { percent } from "./lightbox_format.js";

// photo() → {id, facts}. link: light(key). onFound(boxes).
export function makeFind({ photo, link, onFound }) {
  let asking = null; // the AbortController of what is being looked for
  const wanted = make("input", {
    id: "lightbox-find", type: "search", class: "lb-field", placeholder: "a dog, a red car", autocomplete: "off",
    enterkeyhint: "search", maxlength: "200", "aria-describedby": "lightbox-find-said",
  });
  const send = make("button", { class: "button", type: "submit" }, icon("search"), "Find");
  const stop = make("button", { class: "button", type: "button", hidden: true, onclick: () => cancel(true) }, icon("close"), "Stop");
  const wait = make("span", { class: "lb-wait", "aria-hidden": "true", hidden: true });
  const said = make("span", { id: "lightbox-find-said", role: "status" });
  const found = make("div", {});
  const element = make(
    "form",
    { class: "lb-section lb-find", onsubmit: ask, hidden: true },
    make("label", { for: "lightbox-find" }, "Find in this photo"),
    make("div", { class: "lb-row" }, wanted, send, stop),
    make("p", { class: "lb-fine lb-said" }, wait, said),
    found,
  );

  function busy(controller) {
    const focused = document.activeElement;
    asking = controller;
    send.hidden = Boolean(controller);
    stop.hidden = wait.hidden = !controller;
    if (focused === send && controller) stop.focus();
    if (focused === stop && !controller) send.focus();
  }

  function say(text, isBad = false) {
    said.textContent = text;
    said.classList.toggle("lb-problem", isBad);
  }

  async function ask(event) {
    event.preventDefault();
    const what = wanted.value.trim();
    const { id, facts } = photo() ?? {};
    if (!facts) return;
    if (!what) {
      wanted.focus();
      return say("Name what to look for, such as a dog.");
    }
    cancel();
    const controller = new AbortController();
    busy(controller);
    found.replaceChildren();
    onFound([]);
    say("Looking … (Esc stops it)");
    try {
      const answer = await api.locate(id, what, "", { signal: controller.signal });
      if (asking === controller) tell(answer.photos[0], facts, what);
    } catch (error) {
      if (api.isAbort(error) || asking !== controller) return;
      say([error.message, error.hint].filter(Boolean).join(": "), true);
    } finally {
      if (asking === controller) busy(null);
    }
  }

  function tell(answer, facts, what) {
    const across = facts.width / (answer?.width || facts.width);
    const down = facts.height / (answer?.height || facts.height);
    const regions = answer?.regions ?? [];
    onFound(regions.map((region, at) => ({
      key: `found-${at}`,
      corners: (region.corners ?? cornersOf(region.box)).map(([x, y]) => [x * across, y * down]),
      label: `${region.label} ${percent(region.score)}`,
    })));
    say(regions.length ? `${counted(regions.length, "place")} found` : `Nothing like “${what}” was found in this photo.`);
    found.replaceChildren(
      make("ul", { class: "lb-lines is-long" }, regions.map((region, at) =>
        make("li", {}, item(link, `found-${at}`, region.label, percent(region.score))))),
    );
  }

  // → whether there was anything to stop.
  function cancel(isTold = false) {
    if (!asking) return false;
    asking.abort();
    busy(null);
    say(isTold ? "Stopped." : "");
    return true;
  }

  function reset() {
    cancel();
    say("");
    wanted.value = "";
    found.replaceChildren();
  }

  return { element, reset, stop: () => cancel(true) };
}
