// The way of calls through the lab: stations, and a dot for each call, which moves by the events. Data in, DOM out.

import { keyOf, shortName } from "../timeline/model.js";
import { Frames } from "../timeline/frames.js";
import { svg } from "../timeline/marks.js";
import { plain, sayer } from "../timeline/say.js";
import { duration } from "../timeline/scale.js";
import { element } from "../timeline/skeleton.js";
import { applyMarks } from "../timeline/theme.js";
import { Tooltip } from "../timeline/tooltip.js";
import { Dots } from "./dots.js";
import { isCounted } from "./groups.js";
import { layout } from "./layout.js";
import { sceneAt } from "./positions.js";
import { COUNT_OF, Stations, widthOf } from "./stations.js";
import { trackOf } from "./track.js";
import { Twin } from "./twin.js";
import { faultsAt, placesOf, reasonsAt } from "./why.js";

const LEAST_WIDTH = 380;
const MOST = 5_000; // calls that are kept
const TELL_EVERY = 100; // milliseconds between two looks at numbers and reasons
const MOST_REASONS = 3;
const ANNOUNCE_EVERY = 4_000;
const STILL = 500; // milliseconds between two pictures without motion

/**
 * Draw the flow in `root`. Options: `words` and `marks` (the catalogue and the style table), `onFilter(name or null)`
 * with the name of a count, `onSelect({callId, function})` for a dot, `reducedMotion`.
 */
export function createFlow(root, options = {}) { return new Flow(root, options); }

class Flow {
  #abort = new AbortController();
  #tracks = new Map();
  #counts = {};
  #filter = null;
  #faults = [];
  #queues = [];
  #clock = { base: 0, at: 0, live: false };
  #latest = -Infinity; // the newest time that was told
  #toldAt = -Infinity;
  #announcedAt = -Infinity;
  #more = {};

  constructor(root, { words, marks, onFilter, onSelect, reducedMotion } = {}) {
    const { signal } = this.#abort;
    this.say = sayer(words);
    this.onSelect = onSelect;
    this.element = element("div", "fl");
    this.element.setAttribute("role", "region");
    this.element.setAttribute("aria-label", this.say("flow.title"));
    applyMarks(this.element, marks);
    this.place = element("div", "fl-picture");
    this.why = element("ul", "fl-why");
    this.status = element("p", "fl-status");
    this.status.setAttribute("aria-live", "polite");
    this.button = element("button", "fl-button", this.say("flow.table.show"));
    this.button.type = "button";
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", () => this.#toggleTable(), { signal });
    const foot = element("div", "fl-foot");
    foot.append(this.why, this.button);
    this.element.append(this.place, foot, this.status);
    root.append(this.element);
    this.twin = new Twin(this.element, this.say);
    this.tip = new Tooltip(this.element);
    this.layer = svg("g", { "aria-hidden": "true" });
    this.dots = new Dots(this.layer, marks);
    this.stations = new Stations({ say: this.say, marks, onFilter, onPoint: (name) => this.#point(name) });
    this.#points(signal);
    this.frames = new Frames((time) => this.#frame(time));
    const media = matchMedia("(prefers-reduced-motion: reduce)");
    this.#setMotion(reducedMotion ?? media.matches);
    if (reducedMotion === undefined) media.addEventListener("change", () => this.#setMotion(media.matches), { signal });
    this.sizes = new ResizeObserver(() => this.#arrange());
    this.sizes.observe(this.place);
    this.seen = new IntersectionObserver(([entry]) => { this.hidden = !entry.isIntersecting; this.#request(); });
    this.seen.observe(this.element);
  }

  /**
   * Show `calls` (as api/v1/calls gives them), `counts` ({accepted, queued, …}, as of the time shown), `faults`, `queues` (as
   * api/v1/queues) and the `filter` that is on. `now` is a Unix time in seconds; `live` lets it go on by itself.
   */
  setData({ calls, now, live = now !== undefined, ...more } = {}) {
    if (calls) {
      this.#tracks.clear();
      for (const call of calls) this.#tracks.set(keyOf(call), trackOf(call, { travels: !this.still }));
    }
    if (now !== undefined) this.setNow(now, { live });
    this.#set(more);
  }

  /** Calls that are new or changed; the others as in setData. */
  update(changed, { now, live = this.#clock.live, ...more } = {}) {
    for (const call of changed) this.#tracks.set(keyOf(call), trackOf(call, { travels: !this.still }));
    for (const key of this.#tracks.keys()) {
      if (this.#tracks.size <= MOST) break;
      this.#tracks.delete(key);
    }
    if (now !== undefined) {
      this.#latest = Math.max(this.#latest, now);
      if (live !== this.#clock.live || (live && Math.abs(now - this.now) > 0.1)) this.setNow(now, { live });
    }
    this.#set(more);
  }

  #set({ counts, filter, faults, queues }) {
    if (counts) this.#counts = counts;
    if (filter !== undefined) this.#filter = filter;
    if (faults) this.#faults = faults;
    if (queues) this.#queues = queues;
    this.#toldAt = -Infinity;
    this.#request();
  }

  /** Set the time that is shown, a Unix time in seconds. */
  setNow(now, { live = false } = {}) {
    this.#clock = { base: now, at: performance.now(), live };
    this.#latest = Math.max(this.#latest, live ? now : -Infinity);
    this.#request();
  }

  get now() {
    const { base, at, live } = this.#clock;
    return live ? base + (performance.now() - at) / 1000 : base;
  }

  /** What is drawn now: {moving, resting, counts}; see positions.js. */
  get scene() { return sceneAt(this.#tracks, this.now); }

  destroy() {
    this.#abort.abort();
    this.frames.destroy();
    this.sizes.disconnect();
    this.seen.disconnect();
    this.tip.destroy();
    this.element.remove();
  }

  #setMotion(still) {
    this.still = still;
    this.element.classList.toggle("fl-still", still);
    for (const [key, { call }] of this.#tracks) this.#tracks.set(key, trackOf(call, { travels: !still }));
    this.#request();
  }

  #arrange() {
    const width = this.place.clientWidth;
    if (!width || width === this.width) return;
    const focused = this.place.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    this.width = width;
    const room = Math.max(width, LEAST_WIDTH); // in less, all is smaller
    this.plan = layout(room, (name) => widthOf(this.say(`count.${COUNT_OF[name]}`, { n: 2 })) + 16);
    const { height } = this.plan;
    const picture = svg("svg", { viewBox: `0 0 ${room} ${height}`, width, height: (height * width) / room, role: "group" });
    picture.setAttribute("aria-label", this.say("flow.help"));
    this.stations.arrange(picture, this.plan);
    this.dots.arrange(this.plan);
    picture.append(this.layer);
    this.place.replaceChildren(picture);
    this.#toldAt = -Infinity;
    this.#frame(performance.now());
    if (focused) this.place.querySelector(`[data-name="${focused}"]`)?.focus();
  }

  #request() { if (!this.hidden) this.frames?.request(); }

  #frame(time) {
    if (!this.plan || this.hidden || !this.frames.draw) return;
    const { now } = this;
    const scene = sceneAt(this.#tracks, now);
    this.#more = this.dots.draw(scene);
    const isDue = time - this.#toldAt >= TELL_EVERY;
    if (isDue) this.#tell(scene, now, time);
    this.#goOn(scene, now, isDue);
  }

  /** Numbers, reasons and faults, as of `now`. */
  #tell(scene, now, time) {
    this.#toldAt = time;
    const places = placesOf(this.#queues);
    const faults = faultsAt(this.#faults, now);
    const isNow = this.#clock.live || now >= this.#latest - 0.5;
    const reasons = reasonsAt(this.#tracks, now, { faults: this.#faults, queues: this.#queues, counts: scene.counts, isNow });
    this.faults = faults;
    this.stations.tell({ counts: this.#counts, scene, places, more: this.#more, faults, filter: this.#filter });
    this.#tellWhy(reasons);
    this.#announce(reasons, time);
    this.waits = reasons.length > 0 || faults.some((fault) => !fault.active);
    const accepts = this.#filter ? (call) => isCounted(this.#filter, call) : null;
    this.twin.tell({ lines: this.#lines(reasons), tracks: this.#tracks, now, accepts });
  }

  #lines(reasons) {
    return [...this.stations.parts].map(([name, { group }]) => ({
      name: this.say(`flow.${name}`), text: group.getAttribute("aria-label"),
      why: reasons.filter((reason) => reason.station === name).map((reason) => this.#reasonText(reason)).join(" "),
    }));
  }

  #reasonText({ code, n, values }) {
    const { left } = values;
    if (code === "delay" && !Number.isFinite(left)) return this.say("flow.why.delay_unknown", { n });
    const time = left === undefined ? "" : duration(Math.ceil(left * 10) / 10);
    return this.say(`flow.why.${code}`, { n, ...values, time });
  }

  #tellWhy(reasons) {
    const shown = reasons.slice(0, MOST_REASONS);
    while (this.why.childElementCount > shown.length) this.why.lastChild.remove();
    shown.forEach((reason, index) => {
      const line = this.why.children[index] ?? this.why.appendChild(element("li"));
      line.dataset.station = reason.station;
      const text = this.#reasonText(reason);
      if (line.textContent !== text) line.textContent = text;
    });
  }

  /** For screen readers: only when another thing hinders, not each number. */
  #announce(reasons, time) {
    const codes = reasons.map(({ code }) => code).join(" ");
    if (codes === this.announced || time - this.#announcedAt < ANNOUNCE_EVERY) return;
    this.announced = codes;
    this.#announcedAt = time;
    this.status.textContent = reasons.map((reason) => this.#reasonText(reason)).join(" ");
  }

  /** A next frame only while something moves; without motion a picture now and then, while something waits. */
  #goOn({ moving, until }, now, told) {
    if (!this.#clock.live) { if (!told) this.frames.requestIn(TELL_EVERY); return; }
    if (moving.length) this.#request();
    else if (!told || this.waits) this.frames.requestIn(this.still ? STILL : TELL_EVERY);
    if (Number.isFinite(until)) this.frames.requestIn(Math.max(0, (until - now) * 1000));
  }

  #toggleTable() {
    this.twin.toggle();
    this.button.setAttribute("aria-expanded", String(this.twin.isOpen));
    this.button.textContent = this.say(this.twin.isOpen ? "flow.table.hide" : "flow.table.show");
    this.#toldAt = -Infinity;
    this.#request();
  }

  #points(signal) {
    this.layer.addEventListener("pointerover", (event) => {
      const dot = event.target.closest(".fl-dot"), call = this.dots.callOf(dot);
      if (!call) return;
      const look = dot.dataset.look;
      const what = this.say(`flow.look.${look}`, {}, this.say(`span.${look}`, {}, this.say(`state.${look}`, {}, look)));
      this.#showTip(dot, `${shortName(call.function)} ${plain(call.callId).slice(0, 6)}`, [what]);
    }, { signal });
    this.layer.addEventListener("pointerout", () => this.tip.hide(), { signal });
    this.layer.addEventListener("click", (event) => {
      const call = this.dots.callOf(event.target.closest(".fl-dot"));
      if (call) this.onSelect?.({ callId: call.callId, function: call.function });
    }, { signal });
  }

  /** Tell what a station is for. */
  #point(name) {
    if (!name) { this.tip.hide(); return; }
    const hits = (this.faults ?? []).filter((fault) => fault.station === name).map((fault) => plain(fault.label ?? ""));
    this.#showTip(this.stations.parts.get(name).group, this.say(`flow.${name}`), [this.say(`flow.${name}.help`), ...hits]);
  }

  #showTip(target, title, lines) {
    const own = this.element.getBoundingClientRect(), box = target.getBoundingClientRect();
    this.tip.show(title, lines, box.left - own.left, box.bottom - own.top - 12);
  }
}
