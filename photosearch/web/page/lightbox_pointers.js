// What fingers, a mouse and its wheel do with the picture: move, zoom, turn to the next, mark a part.
// In: events of the stage. Out: calls of the view and of the part that is marked.

const SWIPE = 60; // CSS pixels

// view: isEmpty(), zoom(), at(), zoomTo(zoom, x, y, smooth), move(x, y), slide(x), steady(), toggle(x, y),
// holds(point), toPhoto(point). part: isOn(), begin(point), drag(point), end(). onSwipe(±1).
export function listen(element, view, part, onSwipe) {
  const fingers = new Map();
  let held = null; // what a press began: {x, y, at, zoom, apart, moved}
  let tapped = 0;

  const inStage = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const isWhole = () => view.zoom() <= 1.001;

  element.addEventListener("pointerdown", (event) => {
    if (view.isEmpty() || event.button) return;
    const point = inStage(event);
    fingers.set(event.pointerId, point);
    view.steady();
    if (part.isOn()) {
      event.preventDefault();
      part.begin(view.toPhoto(point));
    } else {
      held = { ...point, at: view.at(), zoom: view.zoom(), apart: apart(), moved: fingers.size > 1 };
    }
    try {
      element.setPointerCapture(event.pointerId);
    } catch {
      // the pointer is up again already
    }
  });

  element.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const point = inStage(event);
    fingers.set(event.pointerId, point);
    if (part.isOn()) return part.drag(view.toPhoto(point));
    if (!held) return;
    if (fingers.size === 2) {
      const [one, other] = fingers.values();
      const grown = apart() / (held.apart || 1);
      view.zoomTo(held.zoom * grown, (one.x + other.x) / 2, (one.y + other.y) / 2, false);
      held.moved = true;
      return;
    }
    const x = point.x - held.x;
    const y = point.y - held.y;
    if (Math.hypot(x, y) > 4) held.moved = true;
    if (!held.moved) return;
    if (!isWhole()) view.move(held.at.x + x, held.at.y + y);
    else if (event.pointerType === "touch") view.slide(x);
    element.classList.add("is-held");
  });

  function release(event) {
    if (!fingers.delete(event.pointerId)) return;
    element.classList.remove("is-held");
    if (part.isOn()) return part.end();
    const begun = held;
    held = null;
    if (fingers.size) {
      const [left] = fingers.values();
      held = { ...left, at: view.at(), zoom: view.zoom(), apart: 0, moved: true };
      return;
    }
    const { x, y } = view.at();
    if (!begun || event.type === "pointercancel") return view.move(x, y);
    const point = inStage(event);
    if (begun.moved) {
      const across = point.x - begun.x;
      view.move(x, y);
      const along = Math.abs(across) > SWIPE && Math.abs(across) > Math.abs(point.y - begun.y);
      if (event.pointerType === "touch" && isWhole() && along) onSwipe(across < 0 ? 1 : -1);
      return;
    }
    // A finger taps twice, since a single tap is how people touch to look; a mouse clicks once.
    if (event.pointerType !== "mouse") {
      const twice = event.timeStamp - tapped < 350;
      tapped = twice ? 0 : event.timeStamp;
      if (!twice) return;
    }
    if (view.holds(point)) view.toggle(point.x, point.y);
  }
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);

  function apart() {
    if (fingers.size < 2) return 0;
    const [one, other] = fingers.values();
    return Math.hypot(one.x - other.x, one.y - other.y);
  }

  element.addEventListener(
    "wheel",
    (event) => {
      if (view.isEmpty()) return;
      event.preventDefault();
      if (part.isOn()) return;
      const { x, y } = inStage(event);
      const lines = event.deltaMode === 1 ? 30 : 1;
      const grown = Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 400));
      view.zoomTo(view.zoom() * grown, x, y, false);
    },
    { passive: false },
  );
}
