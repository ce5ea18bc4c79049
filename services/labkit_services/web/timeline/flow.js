// The way of a call as a diagram, with live counts; each part is a filter. Data in, DOM out.

import { layout } from "./flow_layout.js";
import { svg } from "./marks.js";
import { plain, sayer } from "./say.js";
import { applyMarks } from "./theme.js";

const PULSE = 700; // milliseconds that a dot travels

/**
 * Draw the diagram in `root`. Options: `words`, `marks`, `onFilter(name or null)` with the name of a count,
 * `reducedMotion`.
 */
export function createFlow(root, options = {}) { return new Flow(root, options); }

class Flow {
  #counts = {};
  #filter = null;
  #details = {};

  constructor(root, { words, marks, onFilter, reducedMotion } = {}) {
    this.say = sayer(words);
    this.onFilter = onFilter;
    this.reducedMotion = reducedMotion ?? matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element = document.createElement("section");
    this.element.className = "fl";
    this.element.setAttribute("aria-label", this.say("flow.title"));
    applyMarks(this.element, marks);
    root.append(this.element);
    this.sizes = new ResizeObserver(() => this.#draw());
    this.sizes.observe(this.element);
  }

  /**
   * Show counts ({accepted, queued, in_flight, done, failed, retrying, redelivered, dead, callbacks}), the filter
   * that is on, and `details`: a short text below a node's name, by node.
   */
  setData({ counts = this.#counts, filter = this.#filter, details = this.#details } = {}) {
    const before = this.#counts;
    this.#counts = { ...counts };
    this.#filter = filter;
    this.#details = details;
    this.#tell(before);
  }

  destroy() {
    this.sizes.disconnect();
    this.element.remove();
  }

  #draw() {
    const width = this.element.clientWidth;
    if (!width || width === this.width) return;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    this.width = width;
    const plan = layout(width);
    this.parts = new Map();
    const picture = svg("svg", { viewBox: `0 0 ${width} ${plan.height}`, width, height: plan.height, role: "group" });
    picture.setAttribute("aria-label", this.say("flow.help"));
    const lines = svg("g");
    picture.append(lines);
    for (const edge of plan.edges) {
      lines.append(svg("path", { d: edge.path, class: `fl-edge fl-${edge.line ?? "solid"}` }), arrow(edge));
      if (edge.count) this.#part(picture, edge, "edge");
    }
    for (const node of plan.nodes) this.#part(picture, node, "node");
    this.picture = picture;
    this.plan = plan;
    this.element.replaceChildren(picture);
    this.#tell(this.#counts);
    if (focused) this.element.querySelector(`[data-name="${focused}"]`)?.focus();
  }

  #part(picture, place, kind) {
    const group = svg("g", { class: `fl-part fl-on-${kind}`, "data-name": place.count ?? place.name });
    const number = svg("text", { class: "fl-number" });
    if (kind === "node") {
      const { x, y, width, height } = place;
      group.append(svg("rect", { x, y, width, height, rx: 8 }));
      const name = svg("text", { class: "fl-name", x: x + width / 2, y: y + 19 });
      name.textContent = this.say(`flow.${place.name}`);
      const detail = svg("text", { class: "fl-detail", x: x + width / 2, y: y + 36 });
      group.append(name, detail);
      place = { ...place, labelX: x + width / 2, labelY: y - 7, id: place.name, title: name, detail };
    } else {
      const wide = widthOf(this.say(`count.${place.count}`, { n: 2 })) + 34;
      group.append(svg("rect", { class: "fl-hit", x: place.labelX - wide / 2, y: place.labelY - 15, width: wide, height: 24, rx: 6 }));
    }
    number.setAttribute("x", place.labelX);
    number.setAttribute("y", place.labelY);
    group.append(number);
    if (place.count) this.#filters(group, place.count);
    picture.append(group);
    this.parts.set(place.count ?? place.name, { group, number, kind, place });
  }

  #filters(group, count) {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    const choose = () => this.onFilter?.(this.#filter === count ? null : count);
    group.addEventListener("click", choose);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
  }

  #tell(before) {
    for (const [name, { group, number, kind, place }] of this.parts ?? []) {
      if (place.detail) {
        set(place.detail, plain(this.#details[place.id]).slice(0, 18));
        set(place.title, String(place.y + (place.detail.textContent ? 19 : 27)), "y");
      }
      if (!place.count) continue;
      const count = this.#counts[name] ?? 0;
      const label = this.say(`count.${name}`, { n: count });
      set(number, kind === "edge" ? `${count} ${label}` : String(count));
      group.classList.toggle("fl-some", count > 0);
      set(group, `${label}: ${count}`, "aria-label");
      set(group, String(this.#filter === name), "aria-pressed");
      if (count > (before[name] ?? 0)) this.#pulse(name);
    }
  }

  /** A dot runs along the edge that leads to what has just grown. */
  #pulse(name) {
    const edge = this.plan.edges.find((each) => (each.pulses ?? each.count) === name);
    if (this.reducedMotion || !edge || edge.busy) return;
    edge.busy = true;
    const dot = svg("circle", { r: 4, class: "fl-dot" });
    dot.style.offsetPath = `path("${edge.path}")`;
    this.picture.append(dot);
    const run = dot.animate([{ offsetDistance: "0%" }, { offsetDistance: "100%" }], { duration: PULSE, easing: "ease-in-out" });
    run.onfinish = run.oncancel = () => { dot.remove(); edge.busy = false; };
  }
}

/** About how wide a label is: Chinese characters are twice as wide as Latin ones. */
function widthOf(text) {
  return [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 12.5 : 6.6), 0);
}

function set(element, text, attribute) {
  if (attribute) {
    if (element.getAttribute(attribute) !== text) element.setAttribute(attribute, text);
  } else if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** The head of an arrow, at the end of an edge. */
function arrow({ end: [x, y], towards = 0 }) {
  return svg("path", { class: "fl-head", d: "M-6-4 0 0-6 4", transform: `translate(${x} ${y}) rotate(${towards})` });
}
