// Where the open photo is among the hits, and the way to the others.
// In: its id, the hits of results.js. Out: changes of state.photo; the two buttons and "3 of 50".

import * as results from "./results.js";
import * as state from "./state.js";

// parts: where, previous, next. current() → id or null. urlOf(hit): the picture that will be wanted.
export function makeOrder(parts, { current, urlOf, say }) {
  let ended = false; // loadMore() brought nothing more, for the hits there were then
  let endedAt = -1;

  const at = () => results.hits().findIndex((hit) => hit.photo === current());

  function place() {
    const index = at();
    const count = results.hits().length;
    const more = results.hasMore?.() ? "+" : "";
    parts.where.textContent = index < 0 ? "" : `${index + 1} of ${count.toLocaleString("en")}${more}`;
    parts.previous.disabled = index <= 0;
    parts.next.disabled = index < 0 || (index === count - 1 && ended);
  }

  async function turn(step) {
    const index = at();
    if (index < 0) return;
    let hits = results.hits();
    if (index + step >= hits.length && step > 0) {
      const from = current();
      await results.loadMore();
      hits = results.hits();
      if (current() !== from) return;
      if (index + step >= hits.length) {
        ended = true;
        endedAt = hits.length;
        say("This is the last photo.");
        return place();
      }
    }
    if (index + step < 0) return say("This is the first photo.");
    open(hits[index + step]);
  }

  const open = (hit) => hit && state.change({ photo: hit.photo }, { replace: true });
  const first = () => at() >= 0 && open(results.hits()[0]);

  // What is wanted next is fetched before it is asked for.
  function preload() {
    const hits = results.hits();
    const index = at();
    if (hits.length !== endedAt) ended = false;
    if (index < 0) return;
    if (index > hits.length - 4 && !ended) Promise.resolve(results.loadMore()).then(() => current() && place());
    for (const hit of [hits[index + 1], hits[index - 1]]) {
      if (hit && !hit.offline) new Image().src = urlOf(hit);
    }
  }

  return { place, turn, first, preload };
}
