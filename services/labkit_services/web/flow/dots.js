// The dots of a flow: one SVG element each, kept while its call is seen.

import { svg } from "../timeline/marks.js";
import { pathOf, pointsOf } from "./layout.js";
import { placesFor } from "./trays.js";

const DISC = "M-4.5 0A4.5 4.5 0 1 1 4.5 0A4.5 4.5 0 1 1-4.5 0Z";
const RING = "M-4 0A4 4 0 1 1 4 0A4 4 0 1 1-4 0Z";
const CROSS = "M-2-2 2 2M2-2-2 2";
const STEPS = 48; // positions that are known of each way

// How a call looks by what happens to it: colour, form, and what is drawn on it. Forms differ, not colours only.
const LOOKS = {
  queued: { colour: "queue" }, backoff: { colour: "queue", ring: true }, lease: { colour: "lease", ring: true, dots: "0.1 2.6" },
  waits: { colour: "waits", ring: true }, works: { colour: "works" }, fails: { colour: "fails", sign: CROSS },
  lost: { colour: "fails", ring: true, dots: "2.6 1.6" }, calls_back: { colour: "callback" }, done: { colour: "callback" },
  callback_fails: { colour: "callback", ring: true, sign: CROSS }, failed: { colour: "fails", sign: CROSS },
  answered: { moment: "answered" }, dead: { moment: "dead" }, cancelled: { moment: "cancelled" },
};

export class Dots {
  #elements = new Map();
  #ways = new Map();

  constructor(layer, marks) { this.layer = layer; this.marks = marks; }

  /** Another layout: the ways are others. */
  arrange(plan) {
    this.plan = plan;
    this.stations = new Map(plan.stations.map((station) => [station.name, station]));
    this.#ways.clear();
  }

  /** Draw what travels and what rests; returns how many rest unseen, by station. */
  draw({ moving, resting }) {
    const seen = new Set(), more = {};
    for (const dot of moving) {
      this.#place(dot, this.#point(dot), "fl-moves");
      seen.add(dot.key);
    }
    for (const [name, list] of Object.entries(resting)) {
      const station = this.stations.get(name);
      if (!station) continue;
      const places = placesFor(station, list.length);
      more[name] = places.more;
      places.points.forEach((point, index) => {
        this.#place({ ...list[index], n: 1 }, point, "fl-rests");
        seen.add(list[index].key);
      });
    }
    for (const [key, element] of this.#elements) {
      if (seen.has(key)) continue;
      element.remove();
      this.#elements.delete(key);
    }
    return more;
  }

  /** The call of a dot's element. */
  callOf(element) { return element?.flowCall ?? null; }

  #place(dot, [x, y], how) {
    let element = this.#elements.get(dot.key);
    if (!element) {
      element = svg("g", { class: "fl-dot" });
      this.#elements.set(dot.key, element);
      this.layer.append(element);
    }
    const shape = `${dot.look} ${dot.mode} ${dot.n}`;
    if (element.flowShape !== shape) {
      element.flowShape = shape;
      element.dataset.look = dot.look;
      element.replaceChildren(...shapesOf(this.marks, dot));
    }
    if (element.flowHow !== how) element.setAttribute("class", `fl-dot ${element.flowHow = how}`);
    element.flowCall = dot.call;
    element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  }

  /** Where a dot is on its way, between the known positions. */
  #point({ from, to, progress }) {
    const name = `${from} ${to}`;
    let way = this.#ways.get(name);
    if (!way) this.#ways.set(name, way = this.#measure(from, to));
    const at = progress * STEPS, index = Math.min(STEPS - 1, Math.floor(at)), part = at - index;
    return [0, 1].map((axis) => way[index][axis] + (way[index + 1][axis] - way[index][axis]) * part);
  }

  #measure(from, to) {
    const path = svg("path", { d: pathOf(pointsOf(this.plan, from, to)) });
    const length = path.getTotalLength();
    return Array.from({ length: STEPS + 1 }, (_, index) => {
      const { x, y } = path.getPointAtLength((index / STEPS) * length);
      return [x, y];
    });
  }
}

function shapesOf(marks, { look, mode, n }) {
  const { colour, ring, sign, dots, moment } = LOOKS[look] ?? LOOKS.queued;
  if (moment) {
    const style = marks.moments[moment];
    return [...halo(style.path), stroke(style.path, `var(--mark-${style.colour})`, style.fill)];
  }
  const paint = `var(--mark-${colour})`;
  const hollow = ring || (mode === "sync" && !sign);
  const size = n > 1 ? Math.min(1 + Math.log2(n) * 0.3, 2.6) : 1;
  const body = svg("g", size === 1 ? {} : { transform: `scale(${size.toFixed(2)})` });
  body.append(svg("path", { d: DISC, class: "fl-halo" }));
  body.append(svg("path", {
    d: hollow ? RING : DISC, fill: hollow ? "var(--tl-paper)" : paint, stroke: hollow ? paint : "none", "stroke-width": 2,
    ...(dots ? { "stroke-dasharray": dots, "stroke-linecap": "round" } : {}),
  }));
  if (sign && n === 1) body.append(svg("path", { d: sign, stroke: hollow ? paint : "var(--tl-paper)", "stroke-width": 1.6, "stroke-linecap": "round" }));
  if (n === 1) return [body];
  const number = svg("text", { class: `fl-group ${hollow ? "" : "fl-on-paint"}`, y: 3.6 });
  number.textContent = String(n);
  return [body, number];
}

const halo = (path) => [svg("path", { d: path, class: "fl-halo" })];

function stroke(path, paint, fill) {
  return svg("path", { d: path, fill: fill ? paint : "none", stroke: fill ? "none" : paint, "stroke-width": 1.8, "stroke-linejoin": "round" });
}
