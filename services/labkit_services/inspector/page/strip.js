// The strip of numbers on top of every view: what became of the calls. Each number is a filter of the calls.

import { explain } from "./components/term.js";
import { h } from "./dom.js";
import { COUNTS } from "../../web/flow/groups.js";

/** Keep the store's `counts` up to date on every view; returns a function that ends it. */
export function followCounts(api, store) {
  async function refresh() {
    try {
      const { counts, total } = await api.get("api/v1/calls?limit=1");
      store.set("counts", counts);
      store.set("callTotal", total);
    } catch {
      store.set("counts", null); // no event log: the strip shows dashes
    }
  }
  return api.listen("api/v1/calls/events", {
    hello(event) {
      if (event.record && !store.get("isRecord")) store.set("isRecord", true); // a recorded run instead of a lab
      refresh();
    },
    reset: refresh, missing: refresh,
    calls({ counts, total }) {
      if (counts) store.set("counts", counts);
      if (total !== undefined) store.set("callTotal", total);
    },
  });
}

/** Returns {setData({counts}), setFilter(name or null), destroy()}; `onFilter(name or null)` is called on a click. */
export function createStrip(root, { words, onFilter }) {
  let filter = null;
  const numbers = Object.fromEntries(COUNTS.map((name) => [name, h("b", null, "–")]));
  const labels = Object.fromEntries(COUNTS.map((name) => [name, h("span", null, words(`count.${name}`, { n: 0 }))]));
  const buttons = Object.fromEntries(COUNTS.map((name) => [name, explain(
    h("button", {
      type: "button", class: "strip-number", "aria-pressed": "false", data: { count: name },
      on: { click: () => onFilter(filter === name ? null : name) },
    }, numbers[name], labels[name]),
    words(`count.${name}.help`),
  )]));
  const element = h("div", { class: "strip" }, Object.values(buttons));
  root.append(element);
  return {
    setData({ counts: given }) {
      for (const name of COUNTS) {
        const text = given ? String(given[name] ?? 0) : "–";
        if (numbers[name].textContent === text) continue;
        const grew = Number(text) > Number(numbers[name].textContent);
        numbers[name].textContent = text;
        labels[name].textContent = words(`count.${name}`, { n: given?.[name] ?? 0 });
        buttons[name].classList.toggle("some", Number(text) > 0);
        if (grew) beacon(buttons[name]);
      }
    },
    setFilter(name) {
      filter = name;
      for (const each of COUNTS) buttons[each].setAttribute("aria-pressed", String(each === name));
    },
    destroy: () => element.remove(),
  };
}

/** A short flash at a number that grew. */
function beacon(element) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.getAnimations().forEach((each) => each.cancel());
  element.animate([{ backgroundColor: "var(--selected)" }, { backgroundColor: "transparent" }], 600);
}
