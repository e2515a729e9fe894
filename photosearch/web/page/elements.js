// Elements of the page made in code: text is always text, never markup.
// In: names, attributes, children. Out: elements. Also the icons, and copying to the clipboard.

// make("button", {class: "quiet", onclick: fn, aria-label: "…"}, "text", child, …)
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

// Drawn for this page: 24 units square, lines two units wide.
const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  words: "M4 7V4h3M20 7V4h-3M4 17v3h3M20 17v3h-3M8 9h8M12 9v7",
  crop: "M7 2v15h15M2 7h15v15",
  panel: "M4 5h16v14H4zM14.5 5v14",
  more: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM16.5 13.5v6M13.5 16.5h6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  folder: "M3 6h6l2 2.5h10V19H3z",
  open: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  download: "M12 4v11M7 10.5l5 5 5-5M4 20h16",
  search: "M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.5L21 21",
  image: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M15.5 9.5h.01",
  camera: "M3 8h4l2-3h6l2 3h4v12H3zM12 10a3.5 3.5 0 100 7 3.5 3.5 0 000-7z",
  world: "M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9z",
  pin: "M12 21s7-6.5 7-11.5a7 7 0 10-14 0C5 14.5 12 21 12 21zM12 12a2.5 2.5 0 100-5 2.5 2.5 0 000 5z",
};

export function icon(name) {
  return makeSvg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    makeSvg("path", { d: ICONS[name] }),
  );
}

export const iconButton = (name, label, onclick, attributes = {}) =>
  make(
    "button",
    { type: "button", class: "lb-icon", "aria-label": label, title: label, onclick, ...attributes },
    icon(name),
  );

// Whether the text is on the clipboard. Browsers refuse their own way on plain HTTP from elsewhere
// than this machine; the old way needs a field that is not inert: `within` an open dialog.
export async function copyText(text, within = document.body) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const field = make("textarea", { class: "away", readonly: true, "aria-hidden": "true" });
    field.value = text;
    within.append(field);
    field.select();
    let done = false;
    try {
      done = document.execCommand("copy");
    } catch {
      done = false;
    }
    field.remove();
    before?.focus?.({ preventScroll: true });
    return done;
  }
}

export const counted = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
