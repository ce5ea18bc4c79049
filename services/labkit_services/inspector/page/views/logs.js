import { fill, h } from "../dom.js";

export function mount(root, { words }) {
  fill(root, h("div", { class: "page-head" }, h("h2", null, words("nav.logs"))));
  return { unmount() {} };
}
