// The colours chosen before, set before anything is painted: a classic script, for modules come too late.
try {
  const chosen = localStorage.getItem("photosearch.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is switched off: the system's colours do.
}
