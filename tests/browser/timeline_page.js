// Helpers of the timeline's tests, in the page.

import { createFlow } from "./flow/flow.js";
import { Scale, Warp } from "./timeline/scale.js";
import { createTimeline } from "./timeline/timeline.js";

const load = async (name) => (await fetch(name)).json();
const told = (name) => (what) => window.heard.push([name, what]);
const span = (lane, kind, start, end) => ({ lane, kind, start, end, label: "", attempt: null });
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

Object.assign(window, {
  createTimeline, createFlow, pause, marks: await load("marks.json"), words: await load("words/en.json"), heard: [],

  start: (options = {}) => createTimeline(document.getElementById("root"), {
    words, marks, onSelect: told("select"), onHover: told("hover"), ...options,
  }),

  startFlow: (data) => {
    const onFilter = (name) => { window.heard.push(["filter", name]); window.flow.setData({ filter: name }); };
    window.flow = createFlow(document.getElementById("flow"), { words, marks, onFilter });
    window.flow.setData(data);
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
    const parts = places.flatMap((place) => [createTimeline(place, { words, marks }), createFlow(place, { words, marks })]);
    for (const part of parts) part.setData({ ...data, counts: { accepted: 3 } });
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
