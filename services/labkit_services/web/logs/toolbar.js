// The controls of the logs: sources, level, search, call, follow, copy, clear.

import { fill, h, visible } from "../dom.js";
import { LEVELS } from "./model.js";
import { colourOf, sourceName } from "./row.js";

/** `actions`: {changed(), follow(), copy(), clear()}; `changed` after each change of the model's filter. */
export function createToolbar(model, { words, actions, callHref }) {
  const chips = h("div", { class: "lg-chips", role: "group", "aria-label": words("logs.services") });
  const search = h("input", {
    type: "search", class: "lg-search", "data-search": true, autocomplete: "off", spellcheck: "false", maxlength: "1000",
    placeholder: words("logs.search"), "aria-label": words("logs.search"), on: { input: () => set("text", search.value) },
  });
  const level = h("select", { "aria-label": words("logs.level"), on: { change: () => set("level", level.value) } },
    LEVELS.map((each) => h("option", { value: each }, words(`logs.level.${each}`))));
  const button = (name, action, properties = {}) => h("button", { type: "button", data: { action: name }, on: { click: action }, ...properties }, words(`logs.${name}`));
  const follow = button("follow", actions.follow, { "aria-pressed": "true" });
  const copy = button("copy", actions.copy);
  const call = h("span", { class: "lg-chosen", hidden: true });
  const count = h("span", { class: "lg-count" });
  const element = h("div", { class: "lg-bar", role: "group", "aria-label": words("logs.controls") },
    chips, h("span", { class: "lg-controls" }, level, search, follow, copy, button("clear", actions.clear)), call);

  function set(name, value) {
    model[name] = value;
    actions.changed();
  }

  function toggle(key, chip) {
    const source = model.sources.get(key);
    source.shown = !source.shown;
    chip.setAttribute("aria-pressed", String(source.shown));
    actions.changed();
  }

  /** Add the chips of sources that are new. */
  function showSources() {
    for (const [key, source] of [...model.sources].slice(chips.childElementCount)) {
      const chip = h("button", { type: "button", class: "lg-chip service-chip", "aria-pressed": String(source.shown), data: { colour: colourOf(source) } },
        source.isFunction && h("span", { class: "lg-hidden" }, words("logs.function"), " "), sourceName(source));
      chip.addEventListener("click", () => toggle(key, chip));
      chips.append(chip);
    }
  }

  /** Show only the lines of one call; "" shows all. */
  function setCall(id) {
    model.call = id;
    call.hidden = !id;
    const link = callHref ? h("a", { href: callHref(id) }, visible(id)) : h("code", null, visible(id));
    const all = h("button", { type: "button", "aria-label": words("logs.all_calls"), on: { click: () => { setCall(""); search.focus(); } } }, "×");
    fill(call, id && [words("logs.of_call"), " ", link, all]);
    actions.changed();
  }

  return {
    element, count, setCall, showSources,
    setSearch(text) { search.value = text; set("text", text); },
    setFollowing(following) { follow.setAttribute("aria-pressed", String(following)); },
    setCopied(copied) { copy.textContent = words(copied ? "logs.copied" : "logs.copy"); },
  };
}
