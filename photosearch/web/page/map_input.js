// What fingers, a mouse and keys do with a map.
// In: events of its element. Out: zoom(factor, point of the screen), shift(x, y) in CSS pixels.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// isReady(): it has a size.
export function listen(map, { zoom, shift, isReady }) {
  const fingers = new Map();
  let isMeant = false; // somebody pressed on it since the pointer came: the wheel is for the map
  const inMap = (event) => {
    const box = map.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  map.addEventListener("pointerdown", (event) => {
    isMeant = true;
    if (event.button || event.target.closest("button") || !isReady()) return;
    fingers.set(event.pointerId, inMap(event));
    map.setPointerCapture(event.pointerId);
    map.classList.add("is-held");
  });
  map.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = inMap(event);
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const grown = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      shift((before.x - now.x) / 2, (before.y - now.y) / 2);
      zoom(grown, middle);
    } else shift(before.x - now.x, before.y - now.y);
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    map.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) map.classList.remove("is-held");
    });
  }
  map.addEventListener("pointerleave", () => {
    if (!fingers.size) isMeant = false;
  });
  map.addEventListener("dblclick", (event) => {
    if (!event.target.closest("button")) zoom(2, inMap(event));
  });
  map.addEventListener(
    "wheel",
    (event) => {
      // The panel around it is scrolled by the wheel, unless somebody means the map.
      if (!event.ctrlKey && !isMeant) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      zoom(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 300)), inMap(event));
    },
    { passive: false },
  );
  map.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = ARROWS[event.key];
    if (step) shift(step[0] * map.clientWidth * 0.2, step[1] * map.clientHeight * 0.2);
    else if (["+", "="].includes(event.key)) zoom(2);
    else if (event.key === "-") zoom(0.5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
