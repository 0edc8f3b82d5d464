// Runs before the page is painted, so that it does not flash in the other colours: no module, for those come later.
(() => {
  try {
    const chosen = localStorage.getItem("tasky-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing: then it is as its settings say.
  }
})();
