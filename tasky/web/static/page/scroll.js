// Where one is in a view: at its top when one comes to it, where one was when one goes back to it.
import { onMove, route } from "./router.js";

/** What is read from the server first may take long; whoever moves by himself meanwhile is left where he is. */
const PATIENCE = 20_000;
const BY_HAND = ["wheel", "touchmove", "keydown", "pointerdown"];

/** @type {Map<string, number>} by address */
const positions = new Map();
let wanted = 0;

// Not by location.hash, which is another before anybody was told.
addEventListener("scroll", () => positions.set(route.get().href, scrollY), { passive: true });
history.scrollRestoration = "manual";
for (const kind of BY_HAND) addEventListener(kind, () => ++wanted, { passive: true });

/** Begins to look after it. `main` is the element that a screen reader begins to read at. */
export function keepPlaces(main) {
  return onMove((isBack) => {
    const place = (isBack && positions.get(route.get().href)) || 0;
    if (!isBack) main().focus({ preventScroll: true });
    scrollTo(0, 0);
    const move = ++wanted;
    if (place) restore(place, () => move === wanted, performance.now() + PATIENCE);
  });
}

/** As soon as there is so much in the page. */
function restore(place, isWanted, until) {
  if (!isWanted() || performance.now() > until) return;
  if (document.documentElement.scrollHeight >= place + innerHeight) scrollTo(0, place);
  else requestAnimationFrame(() => restore(place, isWanted, until));
}
