// Helpers of the timeline's tests, in the page.

import { createFlow } from "./flow/flow.js";
import { sceneAt } from "./flow/positions.js";
import { HOP, placeAt, trackOf } from "./flow/track.js";
import { placesOf, reasonsAt } from "./flow/why.js";
import { createGauge } from "./gauge/gauge.js";
import { Readings } from "./gauge/readings.js";
import { Scale, Warp } from "./timeline/scale.js";
import { createTimeline } from "./timeline/timeline.js";

const load = async (name) => (await fetch(name)).json();
const told = (name) => (what) => window.heard.push([name, what]);
const span = (lane, kind, start, end) => ({ lane, kind, start, end, label: "", attempt: null });
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

Object.assign(window, {
  createTimeline, createFlow, createGauge, HOP, pause, marks: await load("marks.json"), words: await load("words/en.json"), heard: [],

  start: (options = {}) => createTimeline(document.getElementById("root"), {
    words, marks, onSelect: told("select"), onHover: told("hover"), ...options,
  }),

  startFlow: (data) => {
    const onFilter = (name) => { window.heard.push(["filter", name]); window.flow.setData({ filter: name }); };
    window.flow = createFlow(document.getElementById("flow"), { words, marks, onFilter, onSelect: told("select") });
    window.flow.setData(data);
  },

  /** Where each call's dot is at some times, by the start of its function's name: "queue", "queue>worker" or null. */
  placesAt: (calls, times, travels = true) => times.map((now) => Object.fromEntries(calls.map((call) => {
    const place = placeAt(trackOf(call, { travels }), now);
    return [call.callId, place && (place.at ?? `${place.from}>${place.to}`)];
  }))),

  scene: (calls, now) => sceneAt(new Map(calls.map((call, at) => [at, trackOf(call)])), now),

  reasons: (calls, now, more = {}) => {
    const tracks = new Map(calls.map((call, at) => [at, trackOf(call)]));
    return reasonsAt(tracks, now, { ...more, counts: sceneAt(tracks, now).counts, places: placesOf(more.queues ?? []) });
  },

  /** The pace at `now` of a queue, after readings [at, depth, in flight, submitted]. */
  paceOf: (list, now) => {
    const readings = new Readings();
    for (const [at, depth, in_flight, submitted] of list) readings.add({ depth, in_flight, waiting_for_retry: 0, submitted }, at);
    return readings.pace(now);
  },

  /** Positions of the dots that travel, each frame for some milliseconds: [[[x, y], …], …]. */
  watchDots: async (milliseconds) => {
    const seen = [], end = performance.now() + milliseconds;
    while (performance.now() < end) {
      await new Promise(requestAnimationFrame);
      seen.push([...document.querySelectorAll(".fl-moves")].map((dot) => {
        const { left, top } = dot.getBoundingClientRect();
        return [left, top];
      }));
    }
    return seen;
  },

  /** Frames a second, and how often the flow draws, while 200 events a second come: 50 calls of four events. */
  measureFlow: async (seconds) => {
    let draws = 0, made = 0, most = 0;
    const { draw } = flow.frames;
    flow.frames.draw = (time) => { draws += 1; draw(time); };
    const parts = (id, now, step) => {
      const begin = now - step * 0.1;
      const spans = [span("client", "waits", begin, begin + 0.003), span("queue", "queued", begin + 0.004, step > 1 ? begin + 0.2 : null)];
      if (step > 1) spans.push(span("function", "works", begin + 0.2, step === 3 ? begin + 0.3 : null));
      const state = ["sent", "queued", "running", "done"][step];
      return { callId: id, function: "figlet", mode: "async", queue: "faas-request", state, settled: step === 3, spans, captured: [], redeliveries: 0 };
    };
    const timer = setInterval(() => {
      const { now } = flow, changed = [];
      for (let each = 0; each < 20; each += 1, made += 1) changed.push(parts(`live-${made >> 2}`, now, made % 4));
      flow.update(changed, { now });
      most = Math.max(most, document.querySelectorAll(".fl-dot").length);
    }, 100);
    const times = [], begin = performance.now();
    while (performance.now() < begin + seconds * 1000) { await new Promise(requestAnimationFrame); times.push(performance.now()); }
    clearInterval(timer);
    const passed = (times.at(-1) - begin) / 1000;
    const gaps = times.slice(1).map((time, at) => time - times[at]).sort((one, other) => one - other);
    const live = draws;
    await pause(3000); // all has arrived
    draws = 0;
    await pause(1000);
    return { frames: times.length / passed, drawn: live / passed, events: made / passed, most, idle: draws, p95: gaps[Math.floor(gaps.length * 0.95)] };
  },

  ticksOf: (seconds) => new Scale(new Warp(1e9), 0, seconds, 0, 900).ticks(80),

  boxOf: (selector) => {
    const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
    return [left, top, width, height];
  },

  /** Pixels of every sample of the legend without colour: 1 is drawn, 0 is empty. */
  samples: () => Object.fromEntries([...document.querySelectorAll(".tl-legend canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const drawn = (at) => data[at + 3] > 128 && Math.min(data[at], data[at + 1], data[at + 2]) < 195;
    return [canvas.parentElement.dataset.kind, Array.from({ length: data.length / 4 }, (_, at) => Number(drawn(4 * at)))];
  })),

  /** How often the timeline draws in some milliseconds. */
  countDraws: async (milliseconds) => {
    let count = 0;
    const { draw } = t.frames;
    t.frames.draw = (time) => { count += 1; draw(time); };
    await pause(milliseconds);
    return count;
  },

  /** Frames a second over some seconds in which 20 changed calls come every 100 milliseconds. */
  measureFrames: async (seconds) => {
    let made = 0;
    const timer = setInterval(() => {
      const now = t.now, changed = [];
      for (let each = 0; each < 20; each += 1, made += 1) {
        const step = made % 4, begin = now - step * 0.1;
        const spans = [span("client", "waits", begin, begin + 0.003), span("queue", "queued", begin + 0.004, step ? begin + 0.1 : null)];
        if (step) spans.push(span("function", "works", begin + 0.1, step === 3 ? begin + 0.3 : null));
        changed.push({
          callId: `live-${made >> 2}`, function: "figlet", mode: "async", state: step === 3 ? "done" : "running",
          settled: step === 3, spans, captured: [], redeliveries: 0,
        });
      }
      t.update(changed, { now });
    }, 100);
    const drawn = countDraws(seconds * 1000);
    const begin = performance.now();
    const times = [];
    await new Promise((done) => {
      const next = () => {
        times.push(performance.now());
        if (times.at(-1) - begin < seconds * 1000) requestAnimationFrame(next); else done();
      };
      requestAnimationFrame(next);
    });
    clearInterval(timer);
    const passed = (times.at(-1) - begin) / 1000;
    const gaps = times.slice(1).map((time, at) => time - times[at]).sort((one, other) => one - other);
    return {
      frames: times.length / passed, drawn: (await drawn) / seconds, events: made / passed,
      slowest: gaps.at(-1), p95: gaps[Math.floor(gaps.length * 0.95)],
    };
  },

  /** Two timelines and flows, shown and destroyed: rows while they lived, elements after. */
  comeAndGo: async (data) => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const places = [1, 2].map(() => document.body.appendChild(document.createElement("div")));
    const parts = places.flatMap((place) => [createTimeline(place, { words, marks }), createFlow(place, { words, marks }), createGauge(place, { words, marks })]);
    for (const part of parts) part.setData({ ...data, counts: { accepted: 3 }, queues: [{ name: "faas-request", depth: 1, workers: [] }] });
    await frame();
    const rows = places.map((place) => place.querySelectorAll(".tl-row").length);
    for (const part of parts) part.destroy();
    await frame();
    const left = places.map((place) => place.childElementCount);
    for (const place of places) place.remove();
    return [rows, left];
  },

  textSizes: () => [...document.querySelectorAll(".tl *, .fl text")].filter((each) => each.textContent)
    .map((each) => parseFloat(getComputedStyle(each).fontSize)),
});
window.ready = true;
