// A short tour of JupyterLab's screen, in the lab page: shown once, and again on request.

import { fill, h } from "../dom.js";
import { preference, setPreference } from "../preferences.js";

const SEEN = "tour";
const PARTS = ["notebook", "stop", "page", "terminal", "files", "copies"];

/**
 * Return { render, open, fold }. `root` is an empty section; after the tour, the
 * focus goes to `after`.
 */
export function createTour(root, { words, after }) {
  let isOpen = preference(SEEN) !== "seen";
  let isAsked = false;

  function close() {
    setPreference(SEEN, "seen");
    isOpen = false;
    render();
    after.focus();
  }

  /** Make room for calls, unless the tour was asked for or is being used. */
  function fold() {
    if (!isOpen || isAsked || root.contains(document.activeElement)) return;
    setPreference(SEEN, "seen");
    isOpen = false;
    render();
  }

  function render() {
    root.hidden = !isOpen;
    if (!isOpen) return void fill(root);
    fill(
      root,
      h(
        "div",
        { class: "row" },
        h("h2", { id: "tour-title", tabindex: "-1" }, words("tour.title")),
        h("span", { class: "space" }),
        h("button", { type: "button", id: "tour-close", class: "primary", on: { click: close } }, words("tour.close")),
      ),
      h(
        "dl",
        null,
        PARTS.map((part) => h("div", null, h("dt", null, words(`tour.${part}`)), h("dd", null, words(`tour.${part}.text`)))),
      ),
    );
  }

  root.setAttribute("aria-labelledby", "tour-title");
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });

  return {
    render,
    fold,
    open() {
      isOpen = isAsked = true;
      render();
      document.getElementById("tour-title").focus();
    },
  };
}
