// Search text and filter chips above the list of requests.

import { fill, h } from "../../dom.js";

const FIELDS = ["method", "status", "function", "function_status", "call_id"];
const TYPING_MS = 200;

/** Return { element, query(), isActive() }; `onChange()` after each change. */
export function createRequestFilters(words, onChange) {
  const chosen = new Map();
  let timer = 0;
  const search = h("input", {
    type: "search", id: "search", "data-search": true, autocomplete: "off", spellcheck: "false",
    placeholder: words("requests.search"), "aria-label": words("requests.search"),
    on: { input: later, keydown: chipFromText },
  });
  const chips = h("div", { class: "chips" });
  const field = h("select", { "aria-label": words("filter.field") }, FIELDS.map((name) => h("option", { value: name }, words(`filter.${name}`))));
  const value = h("input", { autocomplete: "off", spellcheck: "false", "aria-label": words("filter.value"), placeholder: words("filter.value") });
  const form = h("form", { class: "add-filter", hidden: true, on: { submit: add } }, field, value, h("button", null, words("filter.add")));
  const toggle = h("button", { type: "button", id: "add-filter", "aria-expanded": "false", on: { click: open } }, words("filter"));
  const element = h("div", { class: "filters", role: "search", "aria-label": words("requests.search") }, h("div", { class: "search-row" }, search, toggle), form, chips);

  function later() {
    clearTimeout(timer);
    timer = setTimeout(onChange, TYPING_MS);
  }

  /** "status:500 " in the search field becomes a chip. */
  function chipFromText(event) {
    const match = /^(\w+):(\S+)$/.exec(search.value.trim());
    if (!["Enter", " "].includes(event.key) || !match || !FIELDS.includes(match[1])) return;
    event.preventDefault();
    search.value = "";
    put(match[1], match[2]);
  }

  function open() {
    form.hidden = !form.hidden;
    toggle.setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) value.focus();
  }

  function add(event) {
    event.preventDefault();
    if (!value.value.trim()) return value.focus();
    put(field.value, value.value.trim());
    value.value = "";
    open();
    toggle.focus();
  }

  function put(name, wanted) {
    chosen.set(name, wanted);
    show();
  }

  function show() {
    fill(
      chips,
      [...chosen].map(([name, wanted]) =>
        h("button", {
          type: "button", class: "chip", "aria-label": words("filter.remove", { field: words(`filter.${name}`), value: wanted }),
          on: { click: () => (chosen.delete(name), show(), search.focus()) },
        }, `${words(`filter.${name}`)}: ${wanted} ✕`)),
    );
    onChange();
  }

  return {
    element,
    query: () => ({ q: search.value.trim(), ...Object.fromEntries(chosen) }),
    isActive: () => search.value.trim() !== "" || chosen.size > 0,
  };
}
