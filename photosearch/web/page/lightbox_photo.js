// What the lightbox shows of one photo: its picture with boxes, the reasons it was found, facts, words.
// In: an id, the hits of results.js. Out: the dialog, filled; changes of the state by its buttons.

import * as api from "./api.js";
import { make } from "./elements.js";
import { makeActions } from "./lightbox_actions.js";
import { buildDialog } from "./lightbox_dialog.js";
import { makeFind } from "./lightbox_find.js";
import { nameOf } from "./lightbox_format.js";
import { mapOf } from "./lightbox_map.js";
import { makeOrder } from "./lightbox_order.js";
import { factsOf, nearestOf, whyOf } from "./lightbox_panel.js";
import { explain, fullUrl, lowUrl } from "./lightbox_picture.js";
import { makeStage } from "./lightbox_stage.js";
import { wordsOf } from "./lightbox_words.js";
import * as results from "./results.js";
import * as state from "./state.js";

let site = null; // the `web` part of /api/status

async function known() {
  site ??= (await api.status().catch(() => null))?.web ?? {};
}

export function makePhoto({ close }) {
  let current = null; // {id, hit, facts, abort, why, printed, located, map}
  let linesShown = false;

  // ---- what it is made of -----------------------------------------------------------------

  const photo = () => current;
  const say = (text) => parts.say(text);
  const turn = (step) => order.turn(step);
  const stage = makeStage({
    explain: (...given) => explain(...given, withoutFile),
    onLight: lit,
    onSwipe: turn,
    onPart: (crop) => (parts.partSize.textContent = `${crop[2]} × ${crop[3]} pixels`),
    onZoom: ({ zoom, share, least, most }) => {
      parts.zoomOut.disabled = parts.fit.disabled = least;
      parts.zoomIn.disabled = most;
      parts.scale.textContent = share === null ? "" : `${Math.round(share * 100)} %`;
      // Of a picture that only had the window's size the whole is needed.
      if (zoom > 1.001 && current) stage.sharpen(api.imageUrl(current.id));
    },
  });
  const link = { light: stage.light };
  const actions = makeActions({ photo, within: () => parts.dialog, say, onSelect: place });
  const finder = makeFind({
    photo,
    link,
    onFound: (located) => {
      current.located = located;
      boxes();
      if (located.length) stage.element.scrollIntoView?.({ block: "nearest" });
    },
  });
  const sections = make("div", { class: "lb-sections" });
  const parts = buildDialog(stage, [actions.element, sections, finder.element], {
    close,
    turn,
    seekPart,
    mark: () => mark(!stage.isMarking()),
    unmark: () => mark(false),
    showLines: () => showLines(!linesShown),
  });
  const order = makeOrder(parts, {
    current: () => current?.id ?? null, urlOf: (hit) => fullUrl(hit.photo, hit.path, parts.stage), say,
  });

  // ---- one photo --------------------------------------------------------------------------

  async function show(id) {
    forget();
    const hit = results.hits().find((one) => one.photo === id) ?? null;
    const mine = { id, hit, facts: null, abort: new AbortController(), located: [] };
    current = mine;
    parts.part.hidden = true;
    parts.crop.disabled = true;
    parts.crop.setAttribute("aria-pressed", "false");
    parts.side.scrollTop = parts.dialog.scrollTop = 0;
    sections.replaceChildren();
    name(hit?.path ?? "");
    if (hit) {
      picture(hit, hit.path);
      giveReasons(mine);
    }
    place();
    try {
      const [facts] = await Promise.all([api.photo(id, { signal: mine.abort.signal }), known()]);
      if (current !== mine) return;
      mine.facts = facts;
      tell(mine);
    } catch (error) {
      if (api.isAbort(error) || current !== mine) return;
      name(hit?.path ?? "No such photo");
      const said = error.status === 404
        ? "This photo is not in the library: it may have been forgotten since."
        : [error.message, error.hint].filter(Boolean).join(": ");
      parts.lines.hidden = actions.element.hidden = finder.element.hidden = true;
      if (!hit && parts.dialog.classList.contains("is-bare")) stage.say(said); // the panel is not there to say it
      sections.append(make("p", { class: "lb-problem", role: "alert" }, said));
    }
    order.preload();
  }

  // The photo was open before the results came: what they say of it, and its place among them.
  function arrived() {
    const hit = current && !current.hit && results.hits().find((one) => one.photo === current.id);
    if (hit) {
      current.hit = hit;
      giveReasons(current);
      order.preload();
    }
    place();
  }

  function giveReasons(mine) {
    mine.why = whyOf(mine.hit, link);
    if (mine.why.element) sections.prepend(mine.why.element);
    boxes();
  }

  function name(path) {
    parts.title.textContent = path ? nameOf(path) : "Photo";
    parts.title.title = path;
  }

  function picture({ photo: id, width, height, offline = false }, path) {
    stage.show({
      id, width, height, offline, low: lowUrl(id), full: fullUrl(id, path, parts.stage), alt: nameOf(path ?? "") || "photo",
    });
  }

  function tell(mine) {
    const { facts, hit, id } = mine;
    const path = hit?.path ?? facts.paths[0] ?? "";
    const hasFile = !hit?.offline && facts.paths.length > 0;
    const mayOpen = Boolean(site?.can_open);
    name(path);
    picture({ ...facts, photo: id, offline: !hasFile }, path);
    mine.printed = wordsOf(facts, link, { copy: actions.copy, isShown: linesShown, show: showLines });
    mine.map = mapOf(facts, { seek: actions.seek, signal: mine.abort.signal });
    parts.lines.hidden = !mine.printed.element;
    sections.append(
      ...[
        factsOf(facts, {
          seek: actions.seek, copy: actions.copy, mayOpen: mayOpen && hasFile, openFolder: actions.openFolder,
        }),
        mine.map?.element,
        mine.printed.element,
        nearestOf(facts, { open: (other) => state.change({ photo: other }) }),
      ].filter(Boolean),
    );
    finder.element.hidden = parts.crop.disabled = false;
    actions.ready({ mayOpen, hasFile });
    boxes();
  }

  function withoutFile() {
    if (current?.facts) actions.ready({ mayOpen: Boolean(site?.can_open), hasFile: false });
  }

  function forget() {
    current?.abort.abort();
    current?.map?.destroy();
    current = null;
    finder.reset();
    stage.clear();
  }

  // ---- boxes on the picture ---------------------------------------------------------------

  function boxes() {
    const { why, printed, located } = current;
    const groups = [...(linesShown && printed ? printed.boxes : []), ...(why?.boxes ?? [])];
    if (located.length) groups.push({ kind: "found", boxes: located });
    stage.setBoxes(groups);
  }

  function showLines(wanted) {
    linesShown = wanted;
    parts.lines.setAttribute("aria-pressed", String(wanted));
    if (current?.printed?.box) current.printed.box.checked = wanted;
    if (current) boxes();
  }

  // What the pointer is over in the picture is lit in the lists, and in sight.
  function lit(key) {
    for (const one of parts.side.querySelectorAll("[data-box]")) {
      const isLit = one.dataset.box === key;
      one.classList.toggle("is-lit", isLit);
      const list = isLit && one.closest(".is-long");
      if (list) list.scrollTop = one.parentNode.offsetTop - list.offsetTop - list.clientHeight / 2;
    }
  }

  function place() {
    order.place();
    actions.place();
  }

  // ---- a part of it -----------------------------------------------------------------------

  function mark(wanted) {
    if (wanted && current?.facts) {
      stage.startMarking();
      parts.part.hidden = false;
      parts.seekPart.focus();
    } else {
      stage.stopMarking();
      parts.part.hidden = true;
      parts.crop.focus();
    }
    parts.crop.setAttribute("aria-pressed", String(stage.isMarking()));
  }

  function seekPart() {
    const crop = stage.marked();
    if (crop) actions.like({ crop: crop.join(",") });
  }

  // Esc ends what goes on here before it closes the lightbox. → whether anything did.
  function stop() {
    if (!stage.isMarking()) return finder.stop();
    mark(false);
    return true;
  }

  return {
    dialog: parts.dialog, stage, turn, show, arrived, place, forget, stop,
    id: () => current?.id ?? null,
    focus: () => parts.title.focus({ preventScroll: true }),
    keys: {
      "+": stage.zoomIn, "=": stage.zoomIn, "-": stage.zoomOut, 0: stage.fit,
      Home: order.first,
      i: () => parts.togglePanel(),
      x: actions.toggleSelected,
      s: () => actions.like(),
      w: () => !parts.lines.hidden && showLines(!linesShown),
    },
  };
}
