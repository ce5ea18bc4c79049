// Starts the page: shared state, the header, and the view that the address names.

import { createApi } from "./api.js";
import { followBins } from "./bin_model.js";
import { installExplanations } from "./components/term.js";
import { announce } from "./components/toast.js";
import { createTour } from "./components/tour.js";
import { installShortcuts } from "./components/shortcuts.js";
import { hashOf, parseHash } from "./router.js";
import { jupyterLabDocument } from "./jupyterlab.js";
import { createShell } from "./shell.js";
import { createStore } from "./store.js";
import { createStrip, followCounts } from "./strip.js";
import { installTheme } from "./theme.js";
import { createWords } from "./words.js";
import * as bins from "./views/bins.js";
import * as calls from "./views/calls.js";
import * as controls from "./views/controls.js";
import * as logs from "./views/logs.js";
import * as queues from "./views/queues.js";

const views = { calls, bins, queues, logs, controls };
const EVENTS = "api/v1/events";

// The token stays in the address only in a frame, where the cookie may not work.
const token = new URLSearchParams(location.search).get("token");
if (token && window.top === window) history.replaceState(null, "", location.pathname + location.hash);

installTheme();

const store = createStore({ bins: new Map(), base: "", connection: "connecting", paused: false, counts: null, callTotal: 0, callFilter: null, route: null });
const api = createApi(token, { onState: (path, state) => path === EVENTS && store.set("connection", state) });
const words = await createWords();
const root = document.getElementById("view");
let mounted = null;

const navigate = (...address) => {
  location.hash = hashOf(...address);
};
const tour = jupyterLabDocument() && createTour(document.getElementById("tour"), { words, after: root });
const context = { api, store, words, navigate, announce };

function show(remount = false) {
  const route = parseHash(location.hash);
  if (!route.view) return void showFirst();
  if (!location.hash.startsWith("#/")) history.replaceState(null, "", hashOf(route.view, ...route.parts));
  const sameView = mounted?.view === route.view && !remount;
  store.set("route", route);
  if (sameView && mounted.handle.update) return mounted.handle.update(route);
  mounted?.handle.unmount();
  root.replaceChildren();
  root.className = `view-${route.view}`;
  mounted = { view: route.view, handle: views[route.view].mount(root, context, route) };
}

/** Without an address: the calls, or the bins where there is no lab with calls. */
async function showFirst() {
  const hasCalls = await api.get("api/v1/services").then(() => true, (error) => !error.isUnavailable);
  if (!parseHash(location.hash).view) history.replaceState(null, "", hashOf(hasCalls ? "calls" : "bins"));
  show();
}

const shell = createShell(document.getElementById("top"), {
  ...context,
  setPaused(paused) {
    store.set("paused", paused);
    api.pause(paused);
    announce(words(paused ? "live.paused.announce" : "live.resumed.announce"));
  },
  openTour: tour?.open,
  async setLanguage(language) {
    await words.use(language);
    shell.render();
    tour?.render();
    showStrip();
    show(true);
  },
});
// The numbers above every view; one that is pressed filters the calls.
let strip = null;
function showStrip() {
  strip?.destroy();
  const place = document.getElementById("strip");
  place.setAttribute("aria-label", words("strip.label"));
  strip = createStrip(place, {
    words,
    onFilter(name) {
      store.set("callFilter", name);
      if (name && store.get("route").view !== "calls") navigate("calls");
    },
  });
  strip.setData({ counts: store.get("counts") });
  strip.setFilter(store.get("callFilter"));
}
store.on("counts", (counts) => strip.setData({ counts }));
store.on("callTotal", (total) => total > 0 && tour?.fold());
store.on("callFilter", (name) => strip.setFilter(name));

installExplanations();
installShortcuts(context, shell);
followBins(api, store);
followCounts(api, store);
shell.render();
tour?.render();
showStrip();
addEventListener("hashchange", () => show());
show();
document.documentElement.dataset.ready = "true";
