// What this browser remembers of how somebody likes the page: colours, size, which filters are open.
// In: a name, a value of text. Out: the text, or null. Photos and what is searched for are never kept.

// kept(name) → what was kept; kept(name, value) keeps it; "" forgets it.
export function kept(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`photosearch.${name}`);
    if (value === "") localStorage.removeItem(`photosearch.${name}`);
    else localStorage.setItem(`photosearch.${name}`, value);
  } catch {
    // Storage is switched off: it holds for this page then.
  }
  return null;
}
