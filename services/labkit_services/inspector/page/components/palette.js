// The command palette: finds views, bins, calls and actions by a few letters.

import { fill, h } from "../dom.js";
import { hashOf, VIEWS } from "../router.js";
import { openDialog } from "./dialog.js";

const SHOWN = 12;
const CALL_ID = /^[A-Za-z0-9._-]{4,128}$/;

/** Return how well `query` matches `text` in this order of letters; 0 if not at all. */
export function fuzzyScore(query, text) {
  const letters = query.toLowerCase().replace(/\s+/g, "");
  const target = text.toLowerCase();
  if (!letters) return 1;
  let [score, from, previous] = [0, 0, -2];
  for (const letter of letters) {
    const at = target.indexOf(letter, from);
    if (at < 0) return 0;
    const startsWord = at === 0 || /[\s\-_./:]/.test(target[at - 1]);
    score += (at === previous + 1 ? 4 : 1) + (startsWord ? 3 : 0);
    [previous, from] = [at, at + 1];
  }
  return score + 2 / target.length + (target.startsWith(letters) ? 10 : 0);
}

function commands({ words, store, navigate }, actions) {
  const go = (...address) => () => navigate(...address);
  return [
    ...VIEWS.map((view) => ({ kind: words("palette.view"), label: words(`nav.${view}`), run: go(view) })),
    ...[...store.get("bins").keys()].map((name) => ({ kind: words("palette.bin"), label: name, run: go("bins", name) })),
    ...[
      ...(store.get("isRecord") ? [] : [
        ["send.open", actions.openSendForm],
        [store.get("paused") ? "resume" : "pause", actions.togglePause],
        ["palette.new_bin", () => (navigate("bins"), setTimeout(() => document.getElementById("new-name")?.focus(), 100))],
      ]),
      ["palette.language", actions.otherLanguage],
      ["palette.theme", actions.nextTheme],
      ["shortcuts.title", actions.showShortcuts],
      ...(actions.openTour ? [["tour.again", actions.openTour]] : []),
    ].map(([key, run]) => ({ kind: words("palette.action"), label: words(key), run: () => run() })),
  ];
}

export async function openPalette(context, actions) {
  if (document.querySelector("dialog[open]")) return;
  const { words, api, navigate } = context;
  const fixed = commands(context, actions);
  let calls = [];
  let found = [];
  let active = 0;
  const run = await openDialog({ words, title: words("palette.title"), className: "palette" }, (close) => {
    const list = h("ul", { role: "listbox", id: "palette-list", "aria-label": words("palette.results") });
    const input = h("input", {
      type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
      "aria-label": words("palette.title"), autocomplete: "off", spellcheck: "false", placeholder: words("palette.placeholder"), "data-autofocus": true,
      on: { input: search, keydown },
    });

    async function search() {
      show();
      const wanted = input.value.trim();
      if (!CALL_ID.test(wanted)) return;
      const answer = await api.get(`api/v1/calls?limit=5&q=${encodeURIComponent(wanted)}`).catch(() => null);
      if (wanted !== input.value.trim()) return; // more was typed meanwhile
      calls = (answer?.calls ?? []).map((call) => ({
        kind: words("palette.call"), label: `${call.function} ${call.callId}`, run: () => navigate("calls", call.callId),
      }));
      show();
    }

    function show() {
      const query = input.value.trim();
      found = [...fixed, ...(query ? calls : [])]
        .map((command) => ({ command, score: fuzzyScore(query, `${command.label} ${command.kind}`) }))
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, SHOWN)
        .map(({ command }) => command);
      if (!found.length && CALL_ID.test(query)) {
        found = [{ kind: words("palette.call"), label: query, run: () => navigate("calls", query) }];
      }
      active = 0;
      fill(list, found.length ? found.map(option) : h("li", { class: "secondary", role: "option", "aria-disabled": "true" }, words("palette.none")));
      mark();
    }

    const option = (command, place) =>
      h(
        "li",
        { role: "option", id: `palette-${place}`, on: { click: () => close(command.run) } },
        h("span", null, command.label),
        h("span", { class: "secondary" }, command.kind),
      );

    function mark() {
      [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(found.length > 0 && place === active)));
      if (found.length) input.setAttribute("aria-activedescendant", `palette-${active}`);
      else input.removeAttribute("aria-activedescendant");
      list.children[active]?.scrollIntoView({ block: "nearest" });
    }

    function keydown(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && found.length) {
        event.preventDefault();
        active = (active + step + found.length) % found.length;
        mark();
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (found[active]) close(found[active].run);
      }
    }

    show();
    return h("div", { class: "dialog-body" }, input, list);
  });
  run?.();
}
