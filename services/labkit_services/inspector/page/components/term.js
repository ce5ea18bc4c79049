// Explanations on hover and keyboard focus: one tooltip for the whole page.

import { h } from "../dom.js";

const DELAY_MS = 250;
const GAP_PX = 6;
const explanations = new WeakMap();
let tooltip = null;
let shownFor = null;
let timer = 0;

/** Attach an explanation to an element that can have the focus. */
export function explain(element, text) {
  explanations.set(element, text);
  element.dataset.explained = "";
  return element;
}

/** Return a term with its explanation, which also the keyboard reaches. `key` as in words "term.KEY". */
export function term(words, key, label = words(`term.${key}`)) {
  const button = h("button", { type: "button", class: "term", data: { term: key } }, label);
  return explain(button, words(`term.${key}.help`));
}

/** Show explanations from now on. */
export function installExplanations() {
  tooltip = document.body.appendChild(h("div", { id: "tooltip", role: "tooltip", class: "tooltip", hidden: true }));
  const target = (event) => event.target.closest?.("[data-explained]");
  // Not pointerover: what appears under a pointer that rests is not pointed at.
  let pointed = null;
  document.addEventListener("pointermove", (event) => {
    if (event.target.closest?.("#tooltip")) return clearTimeout(timer);
    const element = target(event);
    if (element === pointed) return;
    pointed = element;
    clearTimeout(timer);
    if (element && element !== shownFor) timer = setTimeout(() => show(element), DELAY_MS);
    else if (!element && shownFor && shownFor !== document.activeElement) timer = setTimeout(hide, DELAY_MS);
  }, { passive: true });
  document.addEventListener("focusin", (event) => {
    const element = target(event);
    if (element?.matches(":focus-visible")) show(element);
    else hide();
  });
  document.addEventListener("click", (event) => {
    const element = target(event);
    if (element?.classList.contains("term")) show(element);
    else hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !shownFor) return;
    hide();
    event.preventDefault(); // a dialog around it stays open
    event.stopPropagation();
  }, true);
  addEventListener("scroll", hide, true);
}

function show(element) {
  if (!element.isConnected) return;
  hide();
  shownFor = element;
  tooltip.textContent = explanations.get(element);
  // In the dialog, if there is one: everything outside is inert.
  (element.closest("dialog") ?? document.body).append(tooltip);
  tooltip.hidden = false;
  element.setAttribute("aria-describedby", "tooltip");
  const box = element.getBoundingClientRect();
  const own = tooltip.getBoundingClientRect();
  const below = box.bottom + GAP_PX;
  const top = below + own.height > innerHeight ? Math.max(4, box.top - own.height - GAP_PX) : below;
  tooltip.style.setProperty("top", `${top}px`);
  tooltip.style.setProperty("left", `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`);
}

function hide() {
  clearTimeout(timer);
  shownFor?.removeAttribute("aria-describedby");
  shownFor = null;
  if (tooltip) tooltip.hidden = true;
}
