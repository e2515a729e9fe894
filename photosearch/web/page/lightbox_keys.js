// The keys of the lightbox, and where Tab leads in it.
// In: keydown events of the dialog. Out: calls of what they stand for.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// deeds: by key, each a function. escape(target), turn(±1): what Esc and the arrows do.
export function keysOf(dialog, stage, { deeds, escape, turn }) {
  return function onKey(event) {
    event.stopPropagation(); // the page behind has keys of its own
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Tab") return keepFocus(dialog, event);
    if (event.key === "Escape") {
      event.preventDefault();
      return escape(event.target);
    }
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const arrow = ARROWS[event.key];
    const run = deeds[event.key];
    if (arrow && stage.isMarking()) stage.nudge(...arrow, event.shiftKey);
    else if (arrow && event.target.closest(".lb-side") && arrow[1]) return; // scrolls the panel
    else if (arrow && stage.isZoomed()) stage.shift(-arrow[0] * 80, -arrow[1] * 80);
    else if (arrow?.[0]) turn(arrow[0]);
    else if (run) run();
    else return;
    event.preventDefault();
  };
}

// Browsers keep what lies behind a dialog out of reach, but let Tab leave the page at its end.
function keepFocus(dialog, event) {
  const all = [...dialog.querySelectorAll("a[href], button:not(:disabled), input, [tabindex='0']")]
    .filter((one) => one.tabIndex >= 0 && (one.checkVisibility?.() ?? one.offsetParent));
  const end = event.shiftKey ? all[0] : all.at(-1);
  const isOutside = !all.includes(document.activeElement);
  if (document.activeElement !== end && !(isOutside && event.shiftKey)) return;
  event.preventDefault();
  (event.shiftKey ? all.at(-1) : all[0])?.focus();
}
