// The stations and ways of a flow as SVG: names, numbers that are filters, places of the workers, faults.

import { svg } from "../timeline/marks.js";
import { plain } from "../timeline/say.js";
import { pathOf } from "./layout.js";

/** The number of each station, as in groups.js; those of client and worker are no filters. */
export const COUNT_OF = {
  gateway: "accepted", queue: "queued", function: "in_flight", callback: "callbacks", retry: "retrying", lease: "redelivered",
  cancelled: "cancelled", dead: "dead", failed: "failed", done: "done",
};
const STATE_OF = { cancelled: "cancelled", dead: "dead", failed: "failed", done: "done" };
const MOST_PLACES = 12;
const LONGEST_FAULT = 24;

/** About how wide a text is: Chinese characters are twice as wide as Latin ones. */
export function widthOf(text) {
  return [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 12.5 : 6.4), 0);
}

export class Stations {
  constructor({ say, marks, onFilter, onPoint }) { Object.assign(this, { say, marks, onFilter, onPoint }); }

  /** Fill `picture` for a layout. */
  arrange(picture, plan) {
    this.parts = new Map();
    const lines = svg("g", { "aria-hidden": "true" });
    picture.append(lines);
    for (const { drawn, line = "solid", text: at } of Object.values(plan.routes)) {
      if (drawn) lines.append(svg("path", { d: pathOf(drawn), class: `fl-edge fl-${line}` }), head(drawn, line));
      if (at) lines.append(text("fl-way", ...at, this.say("flow.synchronous")));
    }
    for (const station of plan.stations) {
      const part = station.kind === "card" ? this.#card(station) : this.#pill(station);
      part.group.dataset.station = station.name;
      picture.append(part.group);
      this.parts.set(station.name, { ...part, station });
      this.#reacts(part.group, station.name);
    }
  }

  #card(station) {
    const { name, x, y, width, height, cx } = station;
    const group = svg("g", { class: "fl-part fl-card" });
    const texts = svg("text", { class: "fl-line", x: cx, y: y + 34 });
    const number = svg("tspan", { class: "fl-number" }), label = svg("tspan", { class: "fl-label", dx: 4 });
    texts.append(number, label);
    const title = text("fl-name", cx, y + 16, this.say(`flow.${name}`));
    const more = text("fl-more", name === "queue" ? x + 8 : station.right - 8, station.cy + 4, "");
    more.classList.add(name === "queue" ? "fl-start" : "fl-end");
    const places = svg("g", { class: "fl-places" });
    group.append(svg("rect", { x, y, width, height, rx: 10, class: "fl-paper" }), title, texts, places, more);
    return { group, number, label, more, places, badge: this.#badge(group, station) };
  }

  #pill(station) {
    const { name, x, y, width, height, cx, cy } = station;
    const group = svg("g", { class: `fl-part fl-pill fl-is-${name}` });
    group.append(svg("rect", { x, y, width, height, rx: height / 2, class: "fl-paper" }));
    const texts = svg("text", { class: "fl-line", y: cy + 4 });
    const number = svg("tspan", { class: "fl-number" }), label = svg("tspan", { class: "fl-label", dx: 4 });
    texts.append(number, label);
    group.append(texts);
    const style = this.marks.states[STATE_OF[name]];
    const wide = widthOf(this.say(`count.${COUNT_OF[name]}`, { n: 2 })) + 24;
    if (!style) station.room = width - wide - 14;
    if (!style) texts.classList.add("fl-end");
    texts.setAttribute("x", style ? cx + (width > wide + 18 ? 8 : 0) : station.right - 12);
    if (style && width > wide + 18) group.append(icon(style, x + 13, cy));
    return { group, number, label };
  }

  #badge(group, { cx, bottom }) {
    const badge = svg("g", { class: "fl-badge", transform: `translate(${cx} ${bottom})` });
    badge.append(svg("rect", { y: -9, height: 18, rx: 9 }), svg("path", { d: "M1.5-5.5-3 1H0L-1.5 5.5 3-1H0Z", class: "fl-bolt" }), text("", 0, 4, ""));
    badge.setAttribute("visibility", "hidden");
    group.append(badge);
    return badge;
  }

  #reacts(group, name) {
    const count = COUNT_OF[name];
    group.addEventListener("pointerenter", () => this.onPoint(name));
    group.addEventListener("pointerleave", () => this.onPoint(null));
    if (!count || !this.onFilter) { group.setAttribute("role", "img"); group.dataset.name = count ?? name; return; }
    group.dataset.name = count;
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    const choose = () => this.onFilter(this.filter === count ? null : count);
    group.addEventListener("click", choose);
    group.addEventListener("focus", () => this.onPoint(name));
    group.addEventListener("blur", () => this.onPoint(null));
    group.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.onPoint(null);
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
  }

  /** Tell numbers: `counts` of groups, `scene` of what is where, `places` of the workers, `more` unseen dots, `faults`. */
  tell({ counts, scene, places, more, faults, filter }) {
    this.filter = filter;
    for (const [name, part] of this.parts) {
      const { n, shown, label } = this.#number(name, counts, scene, places);
      set(part.number, shown);
      set(part.label, label);
      part.group.classList.toggle("fl-some", n > 0);
      part.group.classList.toggle("fl-busy", (scene.counts[name] ?? 0) > 0);
      const hits = faults.filter((fault) => fault.station === name);
      const hit = hits.map((fault) => this.#faultText(fault)).join(", ");
      set(part.group, this.#ariaLabel(name, { shown, label }, hit), "aria-label");
      if (COUNT_OF[name] && this.onFilter) set(part.group, String(filter === COUNT_OF[name]), "aria-pressed");
      if (part.more) set(part.more, more[name] ? `+${more[name]}` : "");
      if (part.badge) this.#showFault(part, hits, hit);
    }
    this.#showPlaces(this.parts.get("worker"), scene.counts.places ?? 0, places);
  }

  #number(name, counts, scene, places) {
    if (name === "client") {
      const n = scene.counts.client ?? 0;
      return { n, shown: String(n), label: this.say("flow.callers", { n }) };
    }
    if (name === "worker") {
      const n = scene.counts.places ?? 0;
      return { n, shown: places === null ? String(n) : `${n} / ${places}`, label: this.say(places === null ? "flow.at_work" : "flow.places") };
    }
    const count = COUNT_OF[name], n = counts[count] ?? 0;
    return { n, shown: String(n), label: this.say(`count.${count}`, { n }) };
  }

  #ariaLabel(name, { shown, label }, hit) {
    const number = COUNT_OF[name] ? `${label}: ${shown}`
      : this.say("flow.station", { station: this.say(`flow.${name}`), number: `${shown} ${label}` });
    return hit ? this.say("flow.with_fault", { number, fault: hit }) : number;
  }

  #faultText({ what, active }) {
    const text = this.say(`flow.fault.${what}`, {}, plain(what).slice(0, LONGEST_FAULT));
    return active ? text : this.say("flow.fault.over", { fault: text });
  }

  #showFault({ badge, group }, hits, text) {
    group.classList.toggle("fl-hit", hits.some((fault) => fault.active));
    badge.setAttribute("visibility", hits.length ? "visible" : "hidden");
    if (!hits.length || badge.flowText === text) return;
    badge.flowText = text;
    const wide = widthOf(text) + 26;
    const [box, bolt, words] = badge.children;
    box.setAttribute("x", -wide / 2);
    box.setAttribute("width", wide);
    bolt.setAttribute("transform", `translate(${-wide / 2 + 10} 0)`);
    words.setAttribute("x", 8);
    words.textContent = text;
  }

  /** The places of the workers, as many as max_inflight allows; a taken one is filled. */
  #showPlaces({ places: layer, station }, taken, places) {
    const shown = Math.min(places ?? 0, MOST_PLACES, 2 * Math.floor((station.width - 12) / 14));
    const rows = shown * 14 > station.width - 12 ? 2 : 1;
    const used = Math.ceil(shown / rows);
    if (layer.childElementCount !== shown) {
      layer.replaceChildren(...Array.from({ length: shown }, (_, index) => svg("circle", {
        r: 5, cx: station.cx + ((index % used) - (used - 1) / 2) * 14, cy: station.cy + (rows === 1 ? 0 : index < used ? -7 : 7),
      })));
    }
    const filled = places ? Math.ceil((Math.min(taken, places) / places) * shown) : 0;
    [...layer.children].forEach((circle, index) => circle.classList.toggle("fl-taken", index < filled));
  }
}

function text(name, x, y, words) {
  const element = svg("text", { class: name, x, y });
  element.textContent = words;
  return element;
}

function icon(style, x, y) {
  const colour = `var(--mark-${style.colour})`;
  return svg("path", {
    d: style.path, class: "fl-icon", transform: `translate(${x} ${y})`, fill: style.fill ? colour : "none", stroke: style.fill ? "none" : colour,
    "stroke-width": 1.8,
  });
}

/** The head of an arrow, at the end of a line. */
function head(points, line) {
  const [[fromX, fromY], [x, y]] = points.slice(-2);
  const angle = (Math.atan2(y - fromY, x - fromX) * 180) / Math.PI;
  return svg("path", { class: `fl-head fl-${line}`, d: "M-5-3.5 0 0-5 3.5", transform: `translate(${x} ${y}) rotate(${angle})` });
}

/** Write a text, or an attribute, only if it is another one. */
export function set(element, words, attribute) {
  if (attribute) {
    if (element.getAttribute(attribute) !== words) element.setAttribute(attribute, words);
  } else if (element.textContent !== words) {
    element.textContent = words;
  }
}
