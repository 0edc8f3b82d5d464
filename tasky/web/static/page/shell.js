// The frame around every view: where one can go, how the connection is, who one is, light and dark, the keys.
import { html, useEffect, useState } from "./html.js";
import { reachable, slow } from "./connection.js";
import { focusSearch, useKeys } from "./keys.js";
import { HelpDialog } from "./help.js";
import { href, navigate, useRoute } from "./router.js";
import { keepPlaces } from "./scroll.js";
import { may, session, signOut } from "./session.js";
import { useStore } from "./store.js";
import { ICON } from "./ui/brand.js";
import { ThemeSwitch } from "./ui/themeswitch.js";
import { Icon } from "./ui/icons.js";
import { toastError } from "./ui/toast.js";

const PLACES = [
  { name: "", title: "Overview", icon: "overview", key: "o" },
  { name: "workers", title: "Workers", icon: "workers", key: "w" },
  { name: "tasks", title: "Tasks", icon: "tasks", key: "t" },
  { name: "admin", title: "Admin", icon: "admin", key: "a", need: "admin" },
];

export function Shell({ children }) {
  const who = useStore(session);
  const [help, setHelp] = useState(false);
  useEffect(() => keepPlaces(mainElement), []);
  const places = PLACES.filter(({ need }) => need === undefined || may(need));
  const go = Object.fromEntries(
    places.map(({ name, key }) => [`g ${key}`, () => navigate(href(...placeWords(name)))]),
  );
  useKeys({ ...go, "?": () => setHelp(true), "/": focusSearch }, [
    ...places.map(({ title, key }) => ({ keys: `g ${key}`, does: `Go to ${title}` })),
    { keys: "/", does: "Search or filter" },
    { keys: "?", does: "Show this help" },
  ]);
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${toMain}>Skip to the content</a>
    <header class="bar">
      <a class="brand" href=${href()} aria-label="Tasky: overview"
        ><img src=${ICON} alt="" width="26" height="26" />Tasky</a
      >
      <${Places} places=${places} />
      <div class="bar-end">
        ${who?.name && html`<${Who} who=${who} />`}
        <${ThemeSwitch} />
        <button
          type="button"
          class="quiet icon-only"
          aria-label="Help"
          title="Help (?)"
          onClick=${() => setHelp(true)}
        >
          <${Icon} name="help" />
        </button>
        ${
          who?.with === "session" &&
          html`<button
            type="button"
            class="quiet icon-only"
            aria-label="Sign out"
            title="Sign out"
            onClick=${() => signOut().catch(toastError)}
          >
            <${Icon} name="exit" />
          </button>`
        }
      </div>
    </header>
    <${ConnectionNote} />
    <main id="main" tabindex="-1">${children}</main>
    ${help && html`<${HelpDialog} onClose=${() => setHelp(false)} />`}
  </div>`;
}

function Who({ who: { name, scopes } }) {
  return html`<span class="who" title=${`Signed in as ${name}: ${scopes.join(", ")}`}
    >${name}</span
  >`;
}

function placeWords(name) {
  return name ? [name] : [];
}

/** The address stays that of the view. */
function toMain(event) {
  event.preventDefault();
  mainElement().focus();
}

function mainElement() {
  return document.getElementById("main");
}

function Places({ places }) {
  const [current = ""] = useRoute().path;
  return html`<nav aria-label="Main">
    ${places.map(
      ({ name, title, icon }) =>
        html`<a
          key=${name}
          href=${href(...placeWords(name))}
          aria-current=${current === name ? "page" : undefined}
        >
          <${Icon} name=${icon} /><span>${title}</span>
        </a>`,
    )}
  </nav>`;
}

/** Always in the page, for a screen reader only tells of changes inside what it knows. */
function ConnectionNote() {
  const isReachable = useStore(reachable);
  const waiting = useStore(slow);
  let note = null;
  if (!isReachable)
    note = html`<p class="note bad">
      <${Icon} name="warning" />Connection lost. What you see may be out of date; trying again…
    </p>`;
  else if (waiting)
    note = html`<p class="note"><${Icon} name="spinner" />The server takes its time…</p>`;
  return html`<div class="notes" role="status" aria-live="polite">${note}</div>`;
}
