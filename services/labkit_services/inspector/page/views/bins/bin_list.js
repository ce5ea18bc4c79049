// The list of bins, and the form for a new one.

import { term } from "../../components/term.js";
import { h } from "../../dom.js";
import { hashOf } from "../../router.js";

export function createBinList({ api, store, words, navigate }) {
  const items = new Map(); // name → the parts that change
  const list = h("ul", { id: "bins" });
  const error = h("p", { id: "new-error", class: "error", role: "alert" });
  const name = h("input", {
    id: "new-name", autocomplete: "off", spellcheck: "false", maxlength: "64", placeholder: words("bins.new.name"), "aria-describedby": "new-error", "aria-label": words("bins.new"),
  });
  const form = h("form", { id: "new-bin", on: { submit: create } }, name, h("button", null, words("bins.new.add")), error);
  const element = h(
    "nav",
    { class: "bin-list", "aria-labelledby": "bins-title" },
    h("h2", { id: "bins-title" }, term(words, "bin", words("nav.bins"))),
    list,
    form,
  );

  async function create(event) {
    event.preventDefault();
    error.textContent = "";
    try {
      const bin = await api.post("api/v1/bins", { name: name.value.trim() });
      name.value = "";
      navigate("bins", bin.name);
    } catch (problem) {
      error.textContent = problem.sentence;
    }
  }

  /** Show the bins of the store; a link stays the same element, and keeps the focus. */
  function show(current) {
    const bins = store.get("bins");
    for (const [known, item] of items) {
      if (bins.has(known)) continue;
      item.row.remove();
      items.delete(known);
    }
    for (const bin of bins.values()) {
      if (!items.has(bin.name)) {
        const count = h("span", { class: "count number" });
        const link = h("a", { href: hashOf("bins", bin.name), style: { "--bin": bin.color } },
          h("span", { class: "swatch", "aria-hidden": "true" }), h("span", { class: "name" }, bin.name), count);
        const row = h("li", null, link);
        items.set(bin.name, { row, link, count });
        list.append(row);
      }
      const { link, count } = items.get(bin.name);
      if (count.textContent !== String(bin.count)) count.textContent = bin.count;
      link.title = words("bins.count", { n: bin.count });
      if (bin.name === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  return { element, show };
}
