// A queue's figures: depth, in flight, what waits for a retry, dead letters, how fast it goes. Data in, DOM out.

import { placesOf } from "../flow/why.js";
import { Frames } from "../timeline/frames.js";
import { plain, sayer } from "../timeline/say.js";
import { duration } from "../timeline/scale.js";
import { element } from "../timeline/skeleton.js";
import { applyMarks } from "../timeline/theme.js";
import { queuesOf } from "./from_calls.js";
import { createMeter, createSparkline } from "./meters.js";
import { Readings } from "./readings.js";

/** What is shown of a queue: by name, a number, and of how many. */
const FIGURES = {
  queue_depth: ({ queue }) => [queue.depth],
  in_flight: ({ queue }) => [queue.in_flight, placesOf([queue])],
  waiting_for_retry: ({ queue }) => [queue.waiting_for_retry],
  redelivered: ({ queue }) => [queue.redelivered],
  dead_letters: ({ queue }) => [queue.dead_letters],
  come: (_, pace) => [rate(pace.come)],
  leave: (_, pace) => [rate(pace.leave)],
};
const SHOWN = ["queue_depth", "in_flight", "waiting_for_retry", "dead_letters", "come", "leave"];
const EVERY = 1000; // milliseconds between two pictures while nothing is read: the line moves on

/**
 * Show queues in `root`, one below the other. Options: `words` and `marks` (the catalogue and the style table), `label(key)`
 * makes the element that names a figure, `figures` are the names of those that are shown, `heading` tells whether each
 * queue has its name above.
 */
export function createGauge(root, options = {}) { return new Gauge(root, options); }

class Gauge {
  #queues = new Map(); // name -> {readings, card}
  #clock = { base: 0, at: 0, live: false };

  constructor(root, { words, marks, label, figures = SHOWN, heading = true } = {}) {
    this.say = sayer(words);
    this.label = label ?? ((key) => element("span", "ga-label", this.say(`gauge.${key}`)));
    this.figures = figures;
    this.heading = heading;
    this.element = element("div", "ga");
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", this.say("gauge.title"));
    if (marks) applyMarks(this.element, marks);
    this.empty = element("p", "ga-empty", this.say("gauge.empty"));
    this.element.append(this.empty);
    root.append(this.element);
    this.frames = new Frames(() => this.#draw());
  }

  /** Show queues as api/v1/queues gives them, read at `now`, a Unix time in seconds. */
  setData({ queues, now, live = true }) {
    for (const name of this.#queues.keys()) {
      if (queues.some((queue) => queue.name === name)) continue;
      this.#queues.get(name).card.element.remove();
      this.#queues.delete(name);
    }
    for (const queue of queues) {
      this.#readingsOf(queue.name).add(queue, now);
    }
    this.empty.hidden = this.#queues.size > 0;
    if (live) this.setNow(now, { live });
  }

  /** Show a recorded run: all that is known of the queues by the calls. */
  setRecord(calls) {
    for (const { at, queue } of queuesOf(calls)) this.#readingsOf(queue.name, Infinity).add(queue, at);
    this.empty.hidden = this.#queues.size > 0;
    this.frames.request();
  }

  #readingsOf(name, kept) {
    let known = this.#queues.get(name);
    if (!known) this.#queues.set(name, known = { readings: new Readings(kept), card: this.#card(name) });
    return known.readings;
  }

  /** Set the time that is shown, a Unix time in seconds. */
  setNow(now, { live = false } = {}) {
    this.#clock = { base: now, at: performance.now(), live };
    this.frames.request();
  }

  get now() {
    const { base, at, live } = this.#clock;
    return live ? base + (performance.now() - at) / 1000 : base;
  }

  destroy() {
    this.frames.destroy();
    this.element.remove();
  }

  #card(name) {
    const card = element("div", "ga-card"), meters = element("div", "ga-meters");
    card.setAttribute("role", "group");
    card.setAttribute("aria-label", plain(name));
    const made = this.figures.map((key) => [key, createMeter(key, this.label(key))]);
    const line = createSparkline(this.say), pace = element("p", "ga-pace");
    meters.append(...made.map(([, meter]) => meter.element), line.element);
    if (this.heading) card.append(element("p", "ga-name", plain(name)));
    card.append(meters, pace);
    this.element.append(card);
    return { element: card, meters: made, line, pace };
  }

  #draw() {
    const { now } = this;
    let moves = false;
    for (const { readings, card } of this.#queues.values()) {
      const reading = readings.at(now);
      if (!reading) continue;
      const pace = readings.pace(now);
      for (const [key, meter] of card.meters) meter.update(...FIGURES[key](reading, pace));
      card.line.draw(readings, now);
      const text = this.#paceText(pace);
      if (card.pace.textContent !== text) card.pace.textContent = text;
      moves ||= reading.unsettled > 0 || readings.between(now - 60, now).some((each) => each.unsettled > 0);
    }
    if (this.#clock.live && moves) this.frames.requestIn(EVERY);
  }

  #paceText({ left, come, leave }) {
    if (left === 0) return this.say("gauge.pace.empty");
    if (left === null) return this.say("gauge.pace.unknown");
    if (left === Infinity) return this.say(come > leave ? "gauge.pace.grows" : "gauge.pace.stays", { rate: rate(come - leave) });
    return this.say("gauge.pace.left", { time: duration(left < 10 ? Number(left.toPrecision(2)) : Math.round(left)) });
  }
}

function rate(value) { return value === null ? null : Number(value.toPrecision(value < 10 ? 2 : 3)); }
