// Mouse, touch and keyboard on the timeline: hovering, selecting, panning, zooming, and the tooltip.

import { linkOf, partLines, totals } from "./describe.js";
import { hit, parts } from "./hit.js";
import { AXIS, FOOT, HEAD, ROW } from "./painter.js";
import { duration } from "./scale.js";
import { SERIES } from "./depth.js";
import { stateAt } from "./model.js";
import { Tooltip } from "./tooltip.js";

const PANS = 4; // pixels before a press becomes a drag
const PAGE = 10; // rows

export class Pointing {
  constructor(timeline, { onSelect, onHover, signal }) {
    Object.assign(this, { timeline, onSelect, onHover });
    this.tip = new Tooltip(timeline.plot);
    this.tipId = this.tip.element.id;
    this.hovered = null; // key of a row
    this.part = null; // {bar} or {moment}
    this.time = null; // where the pointer is, when it is over the areas
    const on = (target, type, handler, more = {}) => target.addEventListener(type, handler, { signal, ...more });
    const { plot, list } = timeline;
    on(plot, "pointermove", (event) => this.#move(event));
    on(plot, "pointerdown", (event) => this.#press(event));
    on(plot, "pointerup", () => { this.pressed = null; });
    on(plot, "pointercancel", () => { this.pressed = null; });
    on(plot, "pointerleave", () => { if (!this.pressed) this.clear(); });
    on(plot, "click", (event) => this.#click(event));
    on(plot, "dblclick", () => timeline.moved(() => timeline.range.fit()));
    on(plot, "wheel", (event) => this.#wheel(event), { passive: false });
    on(list, "keydown", (event) => this.#key(event));
    on(list, "focusin", (event) => this.#focus(event));
    on(list, "focusout", () => this.clear());
  }

  /** What the painter draws of it. */
  get shown() { return { hovered: this.hovered, bar: this.part?.bar ?? null }; }

  highlight(key, bar) {
    this.hovered = key;
    this.part = bar && { bar };
    this.tip.hide();
    this.timeline.frames.request();
  }

  clear() {
    this.tip.hide();
    this.time = null;
    this.#hover(null, null);
  }

  /** After a frame: a bar that grows makes its tooltip grow. */
  refresh() {
    if (this.tip.visible && this.place) this.#show();
  }

  destroy() { this.tip.destroy(); }

  #at(event) {
    const box = this.timeline.plot.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top, height: box.height };
  }

  #find({ x, y, height }) {
    const { timeline } = this;
    if (y < HEAD || y >= height - FOOT || !timeline.scale) return {};
    const place = y - HEAD + timeline.scroller.scrollTop;
    const model = timeline.table.rows[Math.floor(place / ROW)];
    if (!model || x < timeline.left) return { model };
    const line = place % ROW < ROW * 0.42 ? "client" : "work";
    const { now, scale } = timeline;
    return { model, part: hit(model, scale, x, now, line) ?? hit(model, scale, x, now, line === "work" ? "client" : "work") };
  }

  #move(event) {
    const at = this.#at(event);
    if (this.pressed) { this.#drag(event, at); return; }
    const { model, part } = this.#find(at);
    this.place = { x: at.x, y: at.y };
    const below = at.y >= at.height - FOOT && at.y < at.height - AXIS && at.x >= this.timeline.left;
    this.time = below ? this.timeline.scale?.time(at.x) ?? null : null;
    this.#hover(model ?? null, part ?? null);
    if (model || below) this.#show(); else this.tip.hide();
  }

  #hover(model, part) {
    const same = this.hovered === (model?.key ?? null) && this.part?.bar === part?.bar && this.part?.moment === part?.moment;
    this.model = model;
    this.hovered = model?.key ?? null;
    this.part = part;
    this.timeline.frames.request();
    if (!same) this.onHover?.(model ? linkOf(model, part) : null);
  }

  #show() {
    const { timeline, model, part } = this;
    const { say, now, origin } = timeline;
    const { x, y } = this.place;
    if (this.time !== null) {
      const counts = timeline.depthCounts(this.time);
      const lines = SERIES.map((name) => say("timeline.count", { what: say(`timeline.depth.${name}`), n: counts[name] }));
      this.tip.show(say("timeline.at", { time: duration(Math.max(0, this.time - origin)) }), lines, x, y);
    } else if (model) {
      const current = timeline.table.models.get(model.key) ?? model;
      const title = say("timeline.tip", { function: model.name, id: model.short, state: say(`state.${stateAt(current, now)}`) });
      this.tip.show(title, part ? partLines(say, part, origin, now) : this.#summary(current), x, y);
    }
  }

  #summary(model) {
    const { say, now } = this.timeline;
    return [...totals(model, now)].map(([kind, time]) => say("timeline.part", { what: say(`span.${kind}`), time: duration(time) }));
  }

  #press(event) {
    if (event.button !== 0 || !this.timeline.scale) return;
    const at = this.#at(event);
    if (at.x < this.timeline.left) return;
    const { range, scale } = this.timeline;
    this.pressed = { id: event.pointerId, x: at.x, from: range.from, to: range.to, perSecond: scale.perSecond, moved: false };
  }

  #drag(event, at) {
    const { pressed, timeline } = this;
    if (!(event.buttons & 1)) { this.pressed = null; return; }
    const by = at.x - pressed.x;
    if (!pressed.moved && Math.abs(by) < PANS) return;
    if (!pressed.moved) {
      pressed.moved = true;
      timeline.plot.setPointerCapture(pressed.id);
      this.tip.hide();
    }
    this.dragged = true;
    const shift = by / pressed.perSecond;
    timeline.moved(() => timeline.range.set(pressed.from - shift, pressed.to - shift));
  }

  #click(event) {
    // The click that ends a drag selects nothing.
    if (this.dragged) { this.dragged = false; return; }
    const { timeline } = this;
    // A screen reader's click has no place, only an element.
    const model = timeline.table.models.get(timeline.rows.keyAt(event.target));
    const found = event.detail ? this.#find(this.#at(event)) : { model };
    if (found.model) this.#select(found.model, found.part);
  }

  #select(model, part) {
    const { timeline } = this;
    timeline.selected = model.key;
    timeline.rows.active = model.key;
    this.onSelect?.(linkOf(model, part));
  }

  #wheel(event) {
    const { timeline } = this;
    if (!timeline.scale) return;
    const { x } = this.#at(event);
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const at = timeline.scale.axis(Math.max(x, timeline.left));
      timeline.moved(() => timeline.range.zoom(1.002 ** -event.deltaY, at));
    } else if (Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) {
      event.preventDefault();
      timeline.moved(() => timeline.range.pan(sideways / timeline.scale.perSecond));
    }
  }

  #focus(event) {
    const { timeline } = this;
    const key = timeline.rows.keyAt(event.target);
    const model = key && timeline.table.models.get(key);
    if (!model) return;
    timeline.rows.active = key;
    if (event.target.matches(":focus-visible")) this.#showRow(model, null);
    timeline.frames.request();
  }

  /** The tooltip of a row, or of a part of it, for the keyboard. */
  #showRow(model, part) {
    const { timeline } = this;
    const at = timeline.table.index.get(model.key);
    const top = HEAD + at * ROW - timeline.scroller.scrollTop;
    const time = part?.bar?.start ?? part?.moment?.time;
    const x = time === undefined ? timeline.left : Math.max(timeline.left, timeline.scale.x(time));
    this.place = { x, y: top + ROW / 2 };
    this.time = null;
    this.#hover(model, part);
    this.#show();
  }

  #key(event) {
    const { timeline } = this;
    const { range, table } = timeline;
    const key = timeline.rows.keyAt(event.target) ?? timeline.rows.active;
    const model = table.models.get(key);
    const at = table.index.get(key);
    if (event.altKey || event.metaKey || (event.ctrlKey && !["Home", "End"].includes(event.key)) || !model) return;
    const step = range.length * 0.15;
    const moves = {
      ArrowDown: () => this.#go(at + 1), ArrowUp: () => this.#go(at - 1),
      PageDown: () => this.#go(at + PAGE), PageUp: () => this.#go(at - PAGE),
      Home: () => this.#go(0), End: () => this.#go(Infinity),
      ArrowRight: () => (event.shiftKey ? this.#step(model, 1) : timeline.moved(() => range.pan(step))),
      ArrowLeft: () => (event.shiftKey ? this.#step(model, -1) : timeline.moved(() => range.pan(-step))),
      "+": () => timeline.moved(() => range.zoom(1.6)), "=": () => timeline.moved(() => range.zoom(1.6)),
      "-": () => timeline.moved(() => range.zoom(1 / 1.6)), 0: () => timeline.moved(() => range.fit()),
      Enter: () => this.#select(model, this.part), " ": () => this.#select(model, this.part),
    };
    if (event.key === "Escape" && this.tip.visible) this.tip.hide();
    else if (moves[event.key]) moves[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #go(wanted) {
    const { timeline } = this;
    const { rows } = timeline.table;
    const model = rows[Math.min(Math.max(wanted, 0), rows.length - 1)];
    timeline.rows.active = model.key;
    timeline.reveal(model.key);
    timeline.flush();
    timeline.rows.focus(model.key);
  }

  /** Go to the next bar or moment of a row, as with a mouse over it; screen readers get it by the description. */
  #step(model, by) {
    const { timeline } = this;
    const all = parts(model, timeline.now);
    const same = (each) => (each.bar ?? each.moment) === (this.part?.bar ?? this.part?.moment);
    const at = this.part ? all.findIndex(same) : by > 0 ? -1 : all.length;
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    if (!next) return;
    const x = timeline.scale.x(next.time);
    const { left, width } = timeline.scale;
    if (x < left || x > left + width) {
      const middle = timeline.scale.warp.toAxis(next.time), half = timeline.range.length / 2;
      timeline.moved(() => timeline.range.set(middle - half, middle + half));
      timeline.flush();
    }
    this.#showRow(model, next);
  }
}
