// The header: views with counts, connection, pause, actions, language, colours.

import { openPalette } from "./components/palette.js";
import { showShortcuts } from "./components/shortcuts.js";
import { explain } from "./components/term.js";
import { fill, h } from "./dom.js";
import { hashOf, VIEWS } from "./router.js";
import { openSendForm } from "./send_call.js";
import { nextTheme, theme } from "./theme.js";
import { LANGUAGES } from "./words.js";

const TROUBLES = new Set(["lost", "denied"]);
const TROUBLE_MS = 2_500;
const THEME_SIGNS = { system: "◐", light: "☀", dark: "☾" };

/** Return { render, openPalette, openSendForm, togglePause }. */
export function createShell(root, context) {
  const { words, store } = context;
  const parts = {};
  const trouble = document.getElementById("trouble");
  const isRecord = () => store.get("isRecord"); // nothing can be changed in it

  const actions = {
    openSendForm: (values) => isRecord() || openSendForm(context, values),
    togglePause: () => isRecord() || context.setPaused(!store.get("paused")),
    nextTheme() {
      context.announce(words(`theme.${nextTheme()}`));
      render();
    },
    otherLanguage: () => context.setLanguage(words.language() === "en" ? "zh" : "en"),
    showShortcuts: () => showShortcuts(words),
    openTour: context.openTour, // undefined outside JupyterLab, whose screen it explains
    openPalette: () => openPalette(context, actions),
  };

  function button(name, label, help, onClick, properties = {}) {
    return explain(h("button", { type: "button", id: name, on: { click: onClick }, ...properties }, label), help);
  }

  function render() {
    const focused = document.activeElement?.id;
    const other = words.language() === "en" ? "zh" : "en";
    document.getElementById("skip").textContent = words("skip");
    parts.links = Object.fromEntries(
      VIEWS.map((view) => {
        const count = h("span", { class: "count" });
        const link = h("a", { href: hashOf(view), data: { view } }, words(`nav.${view}`), " ", count);
        return [view, { link, count }];
      }),
    );
    parts.state = h("span", { id: "connection-text" });
    parts.connection = h("p", { id: "connection", role: "status" }, h("span", { class: "dot", "aria-hidden": "true" }), parts.state);
    parts.pause = button("pause", "", words("pause.help"), actions.togglePause);
    const isMac = navigator.platform.startsWith("Mac");
    fill(
      root,
      h("h1", { class: "brand" }, "labkit"),
      h("nav", { class: "views", "aria-label": words("nav.label") }, VIEWS.map((view) => parts.links[view].link)),
      h("span", { class: "space" }),
      parts.connection,
      parts.pause,
      button("send-call", words("send.open"), words("send.help"), () => actions.openSendForm(), { class: "primary" }),
      button("palette", isMac ? "⌘K" : "Ctrl K", words("palette.help"), actions.openPalette, { "aria-label": words("palette.title") }),
      button("language", LANGUAGES[other], words("language.help"), actions.otherLanguage, { lang: other === "zh" ? "zh-CN" : "en" }),
      button("theme", THEME_SIGNS[theme()], words("theme.help"), actions.nextTheme, { class: "icon", "aria-label": words(`theme.${theme()}`) }),
      button("help", "?", words("shortcuts.help"), actions.showShortcuts, { class: "icon", "aria-label": words("shortcuts.title") }),
      actions.openTour && button("tour-again", words("tour.short"), words("tour.again"), actions.openTour, { class: "quiet", "aria-label": words("tour.again") }),
    );
    showRoute();
    showCounts();
    showConnection();
    if (focused && root.contains(document.getElementById(focused))) document.getElementById(focused).focus();
  }

  function showRoute() {
    const route = store.get("route");
    for (const [view, { link }] of Object.entries(parts.links)) {
      if (route?.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (route && route.view !== "bins") document.title = `${words(`nav.${route.view}`)} · labkit`;
  }

  function showCounts() {
    parts.links.bins.count.textContent = store.get("bins").size || "";
    parts.links.calls.count.textContent = store.get("callTotal") || "";
    parts.links.queues.count.textContent = store.get("queues")?.length || "";
  }

  function showConnection() {
    const connection = isRecord() && store.get("connection") === "live" ? "record" : store.get("connection");
    const state = store.get("paused") ? "paused" : connection;
    document.documentElement.toggleAttribute("data-record", Boolean(isRecord()));
    parts.connection.dataset.state = state;
    showTrouble(state);
    const text = words(`live.${state}`);
    if (parts.state.textContent !== text) parts.state.textContent = text;
    parts.pause.textContent = words(store.get("paused") ? "resume" : "pause");
    parts.pause.setAttribute("aria-pressed", String(store.get("paused")));
  }

  /** A connection that stays lost says what may be wrong; most are back in a moment. */
  function showTrouble(state) {
    const text = TROUBLES.has(state) ? words(`live.${state}.help`) : "";
    clearTimeout(parts.trouble);
    if (text && trouble.hidden) parts.trouble = setTimeout(() => { trouble.textContent = text; trouble.hidden = false; }, TROUBLE_MS);
    else if (text) trouble.textContent = text;
    else trouble.hidden = true;
  }

  store.on("route", showRoute);
  for (const name of ["bins", "callTotal", "queues"]) store.on(name, showCounts);
  for (const name of ["connection", "paused", "isRecord"]) store.on(name, showConnection);
  return { render, ...actions };
}
