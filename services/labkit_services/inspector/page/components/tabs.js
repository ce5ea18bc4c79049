// Tabs as in the WAI-ARIA Authoring Practices: arrow keys move, one panel is shown.

import { fill, h, uniqueId } from "../dom.js";

/**
 * Return { element, show(name) }. Each tab is { name, label, build }, whose
 * `build()` makes its content when it is shown.
 */
export function createTabs({ label, tabs, selected = tabs[0].name, onShow }) {
  const id = uniqueId("tabs");
  const panel = h("div", { class: "tab-panel", role: "tabpanel", id: `${id}-panel`, tabindex: "0" });
  const buttons = tabs.map((tab) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `${id}-${tab.name}`,
        "aria-controls": `${id}-panel`,
        data: { tab: tab.name },
        on: { click: () => show(tab.name) },
      },
      tab.label,
    ),
  );
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": label, on: { keydown } }, buttons);

  function show(name, { quiet = false } = {}) {
    const tab = tabs.find((each) => each.name === name) ?? tabs[0];
    for (const button of buttons) {
      const isShown = button.dataset.tab === tab.name;
      button.setAttribute("aria-selected", String(isShown));
      button.tabIndex = isShown ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `${id}-${tab.name}`);
    fill(panel, tab.build());
    if (!quiet) onShow?.(tab.name);
  }

  function keydown(event) {
    const at = buttons.indexOf(event.target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    const button = buttons[(next + buttons.length) % buttons.length];
    button.focus();
    show(button.dataset.tab);
  }

  show(selected, { quiet: true });
  return { element: h("div", { class: "tabbed" }, list, panel), show };
}
