// The page: who is signed in, which view the address names, and the frame around it. Views are loaded when they are
// first wanted. Each is a module in views/ with:
//   export function View({ path, query })   a component: the words behind its own in the address, and its options
//   export function title({ path, query })  a few words for the browser's title
import { reachable } from "./connection.js";
import { html, render, useEffect, useRef, useState } from "./html.js";
import { route as address, useRoute } from "./router.js";
import { readSession, session } from "./session.js";
import { Shell } from "./shell.js";
import { SignIn, SignInAgain } from "./signin.js";
import { useStore } from "./store.js";
import { DialogHost } from "./ui/dialog.js";
import { Failure, Loading } from "./ui/states.js";
import { ToastHost } from "./ui/toast.js";

/** The first word of an address, and how many follow it -> the module. */
const VIEWS = {
  "": () => import("./views/overview.js"),
  workers: () => import("./views/workers.js"),
  "workers/*": () => import("./views/run.js"),
  tasks: () => import("./views/tasks.js"),
  "tasks/*": () => import("./views/task.js"),
  admin: () => import("./views/admin.js"),
  "admin/*": () => import("./views/admin.js"),
};

const nowhere = () => import("./views/nowhere.js");

/** Most often since the server has another version by now, which loading the page again mends. */
const UNLOADABLE = "This part of the page could not be loaded. Perhaps the server was updated.";

function loaderOf([name = "", ...rest]) {
  const key = rest.length ? `${name}/*` : name;
  return Object.hasOwn(VIEWS, key) ? VIEWS[key] : nowhere;
}

function Current() {
  const route = useRoute();
  const load = loaderOf(route.path);
  const [loaded, setLoaded] = useState({ load: null, module: null, error: null });
  useEffect(() => {
    let wanted = true;
    load().then(
      (module) => wanted && setLoaded({ load, module, error: null }),
      () => wanted && setLoaded({ load, module: null, error: new Error(UNLOADABLE) }),
    );
    return () => {
      wanted = false;
    };
  }, [load]);

  const path = route.path.slice(1);
  const { module, error } = loaded;
  const isCurrent = loaded.load === load;
  useEffect(() => {
    if (!isCurrent || !module) return;
    const words = module.title({ path, query: route.query });
    document.title = words ? `${words} · Tasky` : "Tasky";
  }, [route, loaded]);

  if (isCurrent && error) {
    return html`<${Failure} error=${error} retry=${() => location.reload()} />`;
  }
  if (!isCurrent) return html`<${Loading} />`;
  return html`<${module.View} key=${path.join("/")} path=${path} query=${route.query} />`;
}

function App() {
  const who = useStore(session);
  const wasIn = useRef(false);
  wasIn.current ||= Boolean(who);
  const [error, setError] = useState(null);
  const begin = () => {
    setError(null);
    readSession().catch(setError);
  };
  useEffect(begin, []);
  useEffect(() => reachable.subscribe((is) => is && error && begin()), [error]);
  if (error) return html`<main class="alone"><${Failure} error=${error} retry=${begin} /></main>`;
  if (who === undefined) return html`<main class="alone"><${Loading} /></main>`;
  if (!wasIn.current) return html`<${SignIn} />`;
  // Whose session ends while they fill in a form keeps what they have typed.
  return html`<${Shell}><${Current} /><//>${who === null && html`<${SignInAgain} />`}`;
}

// Its view is fetched while the server is asked who one is; what fails is said when it is to be shown.
loaderOf(address.get().path)().catch(() => {});
render(html`<${App} /><${DialogHost} /><${ToastHost} />`, document.getElementById("app"));
