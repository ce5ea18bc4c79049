// Keys that work everywhere on the page, and the dialog that lists them.

import { h } from "../dom.js";
import { openDialog } from "./dialog.js";

const SHORTCUTS = [
  ["Ctrl K", "shortcut.palette"],
  ["g c", "shortcut.calls"],
  ["g b", "shortcut.bins"],
  ["g q", "shortcut.queues"],
  ["g l", "shortcut.logs"],
  ["g k", "shortcut.controls"],
  ["n", "shortcut.send"],
  ["p", "shortcut.pause"],
  ["/", "shortcut.search"],
  ["↑ ↓", "shortcut.list"],
  ["← →", "shortcut.tabs"],
  ["Esc", "shortcut.escape"],
  ["?", "shortcut.help"],
];
const PLACES = { c: "calls", b: "bins", q: "queues", l: "logs", k: "controls" };
const SEQUENCE_MS = 1_200;

const isTyping = (element) => element?.matches?.("input, textarea, select, [contenteditable]");

export function showShortcuts(words) {
  return openDialog({ words, title: words("shortcuts.title"), className: "small" }, () =>
    h(
      "dl",
      { class: "shortcuts dialog-body" },
      SHORTCUTS.map(([keys, key]) => [
        h("dt", null, keys.split(" ").map((each) => h("kbd", null, each))),
        h("dd", null, words(key)),
      ]),
    ),
  );
}

export function installShortcuts({ words, navigate }, shell) {
  let wentAt = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return void shell.openPalette();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (Date.now() - wentAt < SEQUENCE_MS && PLACES[event.key]) {
      wentAt = 0;
      return navigate(PLACES[event.key]);
    }
    wentAt = event.key === "g" ? Date.now() : 0;
    if (event.key === "?") showShortcuts(words);
    else if (event.key === "n") shell.openSendForm();
    else if (event.key === "p") shell.togglePause();
    else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      search.focus();
    } else return;
    event.preventDefault();
  });
}
