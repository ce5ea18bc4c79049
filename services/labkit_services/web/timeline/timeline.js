// The timeline of calls: data in, DOM out. It fetches nothing and has no global state.

import { Brush } from "./brush.js";
import { depthOf, idlePeriods, SERIES } from "./depth.js";
import { Frames } from "./frames.js";
import { Legend } from "./legend.js";
import { CallTable } from "./model.js";
import { countsAt, Painter, ROW } from "./painter.js";
import { Pointing } from "./pointing.js";
import { Range } from "./range.js";
import { RowLayer } from "./rows.js";
import { sayer } from "./say.js";
import { Scale, Warp } from "./scale.js";
import { createSkeleton, element } from "./skeleton.js";
import { applyMarks, Theme } from "./theme.js";
import { createToolbar } from "./toolbar.js";

const IDLE = 10; // seconds without a call before they are shortened
const DEPTH_EVERY = 200; // milliseconds between two looks at all calls
const NARROW = 560;

/**
 * Show calls in `root`. Options: `words` and `marks` (the catalogue and the style table), `onSelect` and `onHover`
 * (called with {callId, function, attempt, kind, capture: {bin, id}|null}, or null), `reducedMotion`, `tools` (see toolbar.js).
 */
export function createTimeline(root, options = {}) { return new Timeline(root, options); }

class Timeline {
  #abort = new AbortController();
  #range = new Range();
  #table = new CallTable();
  #faults = [];
  #clock = { base: 0, at: 0, live: false };
  #warp = new Warp(0);
  #idle = { gaps: [], busyUntil: Infinity };
  #shortenIdle = true;
  #depth = depthOf([]);
  #given = null;
  #depthVersion = -1;
  #depthAt = -Infinity;
  #scrollTop = 0;
  #atBottom = true;
  #selected = null;
  #filled = -1; // the arrangement of rows that is shown

  constructor(root, { words, marks, onSelect, onHover, reducedMotion, tools } = {}) {
    const { signal } = this.#abort;
    this.say = sayer(words);
    this.marks = marks;
    this.reducedMotion = reducedMotion ?? matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element = element("div", "tl");
    this.element.setAttribute("role", "region");
    this.element.setAttribute("aria-label", this.say("timeline.title"));
    applyMarks(this.element, marks);
    root.append(this.element);
    this.frames = new Frames((time) => this.#frame(time));
    this.toolbar = createToolbar(this.element, { say: this.say, actions: this.#actions(), signal, tools });
    Object.assign(this, createSkeleton(this.element, this.say));
    this.theme = new Theme(this.element, marks, () => { this.legend.paint(this.theme.palette); this.frames.request(); });
    this.painter = new Painter(this.canvas, marks);
    this.rows = new RowLayer(this.list, this.say);
    this.brush = new Brush(this.overview, {
      moved: (from, to) => this.#moved(() => this.#range.set(from, to)), reset: () => this.#moved(() => this.#range.fit()), signal,
    });
    this.pointing = new Pointing(this, { onSelect, onHover, signal });
    this.legend = new Legend(this.element, { marks, say: this.say });
    this.legend.paint(this.theme.palette);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    this.sizes = new ResizeObserver(() => this.#resized());
    this.sizes.observe(this.plot);
    this.sizes.observe(this.scroller);
  }

  #actions() {
    const moving = (change) => () => this.#moved(change);
    return {
      sort: (order) => { this.#table.sortBy(order); this.frames.request(); },
      shortenIdle: (wanted) => { this.#shortenIdle = wanted; this.frames.request(); },
      zoom_in: moving(() => this.#range.zoom(1.6)), zoom_out: moving(() => this.#range.zoom(1 / 1.6)),
      fit: moving(() => this.#range.fit()), follow: moving(() => this.#range.follow()),
    };
  }

  /**
   * Show these calls. `now` is a Unix time in seconds, by the clock of the calls; `live` lets it go on by itself.
   * `depth` ({queued: [[time, count], …], …}) overrules what the calls say.
   */
  setData({ calls = [], faults = [], now, depth = null, live = now !== undefined } = {}) {
    this.#table.replaceAll(calls);
    this.#faults = faults;
    this.#given = depth;
    this.#depthAt = -Infinity;
    this.setNow(now ?? this.#lastEnd(), { live });
  }

  /** Calls that are new or changed; also the faults and the time, if given. */
  update(changed, { now, faults, live = this.#clock.live } = {}) {
    this.#table.update(changed);
    if (faults) this.#faults = faults;
    if (now !== undefined && (live !== this.#clock.live || Math.abs(now - this.now) > 0.1)) this.setNow(now, { live });
    this.frames.request();
  }

  /** Set "now" to a Unix time; a run that is played shows only what had happened by then. */
  setNow(now, { live = false } = {}) {
    this.#clock = { base: now, at: performance.now(), live };
    this.frames.request();
  }

  /** Count all calls that have begun by the groups that `groups(call, state)` puts them in. */
  tally(groups) { return this.#table.tally(groups, this.now); }

  /** Show only the calls for which `accepts(call)` holds; null shows all. */
  setFilter(accepts) { this.#table.filter(accepts); this.frames.request(); }

  /** Select a call and go to it; null selects none. */
  select(id, name) { this.reveal(this.#selected = id === null ? null : this.#table.find(id, name)?.key ?? null); }

  /** Highlight a call, or its attempt, as hovering it does; null ends that. */
  highlight(id, attempt = null) {
    const model = id === null ? null : this.#table.find(id);
    const bar = attempt === null ? null : model?.bars.find((each) => each.attempt === attempt && each.kind !== "queued");
    this.pointing.highlight(model?.key ?? null, bar ?? null);
  }

  /** Show the time between two Unix times. */
  setRange(from, to) {
    this.#measure(performance.now());
    this.#bend(this.now);
    this.#moved(() => this.#range.set(this.#warp.toAxis(from), this.#warp.toAxis(to)));
  }

  destroy() {
    this.#abort.abort();
    this.frames.destroy();
    this.sizes.disconnect();
    this.theme.destroy();
    this.pointing.destroy();
    this.element.remove();
  }

  get now() {
    const { base, at, live } = this.#clock;
    return live ? base + (performance.now() - at) / 1000 : base;
  }

  get table() { return this.#table; }
  get range() { return this.#range; }
  get selected() { return this.#selected; }
  set selected(key) { this.#selected = key; this.frames.request(); }

  get depthCounts() { return (time) => countsAt(this.#depth, time); }
  get origin() { return this.#warp.origin; }

  moved(change) { this.#moved(change); }

  /** Scroll to a row. */
  reveal(key) {
    this.#table.refresh();
    const at = this.#table.index?.get(key);
    if (at !== undefined) {
      const height = this.scroller.clientHeight;
      const top = Math.min(Math.max(this.scroller.scrollTop, (at + 1) * ROW - height), at * ROW);
      if (top !== this.scroller.scrollTop) {
        this.list.style.height = `${this.#table.rows.length * ROW}px`;
        this.scroller.scrollTop = top;
      }
    }
    this.frames.request();
  }

  /** Draw at once, as after a change of focus, which needs its element. */
  flush() { this.#frame(performance.now()); }

  #moved(change) {
    change();
    this.seeks = true;
    this.frames.request();
  }

  /** After a zoom or pan: if no row that is visible has anything in the time shown, go to one that has. */
  #seek({ from, to }, rows, now) {
    this.seeks = false;
    const inView = (row) => row.start <= to && (row.open ? now : row.end) >= from;
    const first = Math.floor(this.#scrollTop / ROW);
    if (rows.slice(first, first + Math.ceil(this.scrollHeight / ROW)).some(inView)) return;
    const at = rows.findIndex(inView);
    if (at < 0) return;
    this.#scrollTop = Math.min(at * ROW, Math.max(0, rows.length * ROW - this.scrollHeight));
    this.scroller.scrollTop = this.#scrollTop;
  }

  #lastEnd() {
    let last = 0;
    for (const { end } of this.#table.models.values()) if (end > last) last = end;
    return last;
  }

  #scrolled() {
    this.#scrollTop = this.scroller.scrollTop;
    this.#atBottom = this.#scrollTop + this.scroller.clientHeight >= this.scroller.scrollHeight - ROW / 2;
    this.frames.request();
  }

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    this.scrollHeight = this.scroller.clientHeight;
    this.element.classList.toggle("tl-narrow", width < NARROW);
    this.left = width < NARROW ? 116 : 178;
    this.right = 10;
    if (width !== this.painter.width || height !== this.painter.height) this.painter.resize(width, height);
    this.brush.resize(this.overview.clientWidth, this.overview.clientHeight);
    if (this.#atBottom && this.#follows()) this.scroller.scrollTop = this.#table.rows.length * ROW;
    this.#scrollTop = this.scroller.scrollTop;
    this.#frame(performance.now());
  }

  #frame(time) {
    if (this.left === undefined || !this.frames.draw) return;
    const { now } = this;
    this.#table.showUntil(now);
    const arrangement = this.#table.refresh();
    const { rows } = this.#table;
    this.#measure(time);
    this.#bend(now);
    const scale = new Scale(this.#warp, this.#range.from, this.#range.to, this.left, Math.max(this.painter.width - this.left - this.right, 20));
    this.scale = scale;
    if (arrangement !== this.#filled) this.#fill(rows, arrangement);
    if (this.seeks) this.#seek({ from: scale.time(scale.left), to: scale.time(scale.left + scale.width) }, rows, now);
    const view = {
      scale, rows, now, scrollTop: this.#scrollTop, ticks: scale.ticks(this.left < 150 ? 64 : 84), faults: this.#faults,
      depth: this.#depth, selected: this.#selected, palette: this.theme.palette, say: this.say, ...this.pointing.shown,
    };
    this.rows.render({
      rows, index: this.#table.index, top: this.#scrollTop, height: this.scrollHeight,
      selected: this.#selected, now, tip: this.pointing.tipId,
    });
    this.painter.paint(view);
    this.brush.paint({ warp: this.#warp, range: this.#range, depth: this.#depth, now, palette: this.theme.palette, left: this.left });
    this.toolbar.setFollowing(this.#range.following);
    this.#tell(countsAt(this.#depth, this.pointing.time ?? now));
    this.pointing.refresh();
    this.#goOn(now);
  }

  #tell(counts) {
    for (const name of SERIES) {
      if (this.counts[name].textContent !== String(counts[name])) this.counts[name].textContent = counts[name];
    }
  }

  /** Whether the newest rows are kept in view. */
  #follows() { return this.#clock.live && this.#table.order === "arrival" && !this.rows.hasFocus(); }

  #fill(rows, arrangement) {
    this.#filled = arrangement;
    this.list.hidden = !rows.length;
    this.empty.hidden = rows.length > 0;
    this.list.style.height = `${rows.length * ROW}px`;
    const most = Math.max(0, rows.length * ROW - this.scrollHeight);
    if (this.#atBottom && this.#follows() && this.#scrollTop !== most) {
      this.scroller.scrollTop = this.#scrollTop = most;
    } else if (this.#scrollTop > most) {
      this.#scrollTop = most;
    }
  }

  #measure(time) {
    const { models, version } = this.#table;
    if (version === this.#depthVersion) return;
    if (time - this.#depthAt < DEPTH_EVERY) { this.frames.requestIn(DEPTH_EVERY); return; }
    this.#depthVersion = version;
    this.#depthAt = time;
    this.#depth = depthOf(models.values(), this.#given);
    this.#idle = idlePeriods(models.values(), IDLE);
    this.first = Infinity;
    for (const { start } of models.values()) this.first = Math.min(this.first, start);
  }

  #bend(now) {
    const origin = Number.isFinite(this.first) ? Math.min(this.first, now) : now;
    const { busyUntil } = this.#idle;
    const gaps = this.#idle.gaps.filter(({ end }) => end <= now);
    if (now - busyUntil >= IDLE) gaps.push({ start: busyUntil, end: now });
    const left = gaps.reduce((sum, { start, end }) => sum + end - start, 0);
    // Shortened to a round part of the busy time, so that it does not change all the time.
    const kept = 10 ** Math.floor(Math.log10(Math.max(now - origin - left, 0.1))) / 4;
    this.#warp = new Warp(origin, this.#shortenIdle ? gaps : [], kept);
    this.#range.setBounds(0, this.#warp.toAxis(Math.max(now, origin + 0.5)));
    this.resting = this.#shortenIdle && now - busyUntil >= IDLE;
  }

  /** While time goes on, the next frame is due when something has moved by a pixel. */
  #goOn(now) {
    const moves = this.#range.following || this.scale.x(now) < this.left + this.scale.width;
    if (!this.#clock.live || this.resting || !moves) return;
    this.frames.requestIn(this.reducedMotion ? 1000 : Math.min(1000, 1000 / this.scale.perSecond));
  }
}
