// Pictures of any shape → rows of one width, each of one height, nothing cut off that need not be.
// In: aspect ratios, the width there is. Out: a box for each. Knows nothing of the page.

const NARROWEST = 0.5; // a taller picture is cut to this,
const WIDEST = 3.2; // a wider one to this: a panorama would leave a row of its own 100 pixels high

export const aspectOf = (width, height) =>
  Math.min(Math.max(width / height || 1.5, NARROWEST), WIDEST);

// → [{width, height, x, row}]; the last row is not stretched. `height` is what rows come close to.
export function justify(aspects, width, height, gap) {
  const boxes = [];
  let row = 0;
  let from = 0;
  let sum = 0;
  const close = (to, high) => {
    let x = 0;
    for (let at = from; at < to; at += 1) {
      // Layout counts in 1/64 pixels: rounded down, so that a row never breaks early.
      const wide = Math.floor(Math.min(aspects[at] * high, width) * 64) / 64;
      boxes.push({ width: wide, height: Math.round(high), x, row });
      x += wide + gap;
    }
    row += 1;
    from = to;
    sum = 0;
  };
  const full = (total, count) => (width - gap * (count - 1)) / total;
  for (let at = 0; at < aspects.length; at += 1) {
    sum += aspects[at];
    const high = full(sum, at - from + 1);
    if (high > height) continue;
    // With this picture the row is lower than wanted, without it higher: what is closer, as a ratio.
    const without = at > from ? full(sum - aspects[at], at - from) : Infinity;
    if (without / height < height / high) {
      close(at, without);
      sum = aspects[at];
      if (full(sum, 1) <= height) close(at + 1, full(sum, 1));
    } else close(at + 1, high);
  }
  if (from < aspects.length) close(aspects.length, Math.min(height, full(sum, aspects.length - from)));
  return boxes;
}
