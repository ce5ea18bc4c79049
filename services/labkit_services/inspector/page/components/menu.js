// A button that opens a menu (WAI-ARIA menu button): arrow keys, Esc, Home, End.

import { h, uniqueId } from "../dom.js";

/** Return the button with its menu. Each item is { label, run } or { label, href, download }. */
export function createMenu(label, items, properties = {}) {
  const id = uniqueId("menu");
  const button = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id, on: { click: toggle, keydown: openByKey }, ...properties }, label, " ▾");
  const list = h("div", { role: "menu", id, class: "menu", hidden: true, "aria-label": label, on: { keydown } }, items.map(item));
  const element = h("div", { class: "menu-button" }, button, list);

  function item({ label: text, run, href, download }) {
    const common = { role: "menuitem", tabindex: "-1" };
    if (href) return h("a", { ...common, href, download: download ?? "", on: { click: () => close() } }, text);
    return h("button", { ...common, type: "button", on: { click: () => (close(true), run()) } }, text);
  }

  function open() {
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    list.classList.toggle("to-left", element.getBoundingClientRect().left + list.offsetWidth > innerWidth - 8);
    list.firstElementChild.focus();
    document.addEventListener("pointerdown", outside, true);
  }

  function close(returnFocus = false) {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (returnFocus) button.focus();
  }

  function toggle() {
    if (list.hidden) open();
    else close();
  }

  function openByKey(event) {
    if (event.key !== "ArrowDown" || !list.hidden) return;
    event.preventDefault();
    open();
  }

  const outside = (event) => !element.contains(event.target) && close();

  function keydown(event) {
    const all = [...list.children];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      close(true);
    } else if (event.key === "Tab") close();
    else if (to !== undefined) {
      event.preventDefault();
      all[(to + all.length) % all.length].focus();
    }
  }

  return element;
}
