// Plays a recorded run: play, pause, step, speed, scrub. It knows times only; what they show is up to `onTime`.

import { explain } from "./components/term.js";
import { fill, h, svg } from "./dom.js";
import { duration } from "../../web/timeline/scale.js";

// Drawn: not every font has these signs.
const SHAPES = { first: "M3 3h2v10H3zM13 3v10L6 8z", play: "M4 3v10l9-5z", pause: "M4 3h3v10H4zM9 3h3v10H9z" };
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10];

const icon = (name) => svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", fill: "currentColor" }, svg("path", { d: SHAPES[name] }));

/** `times` are the moments to step to, in order. `onTime(now)` gets a Unix time in seconds. Returns {destroy()}. */
export function createPlayer(root, { words, times, onTime }) {
  const [start, end] = [times[0] ?? 0, times.at(-1) ?? 0];
  let now = end;
  let playing = false;
  let frame = 0;
  let last = 0;

  const button = (name, label, click) => explain(
    h("button", { type: "button", class: "icon", "aria-label": words(`player.${name}`), data: { player: name }, on: { click } }, label),
    words(`player.${name}`));
  const play = button("play", icon("play"), () => setPlaying(!playing));
  const speed = h("select", { "aria-label": words("player.speed") },
    SPEEDS.map((each) => h("option", { value: each, selected: each === 1 }, `${each}×`)));
  const scrub = h("input", { type: "range", min: 0, max: 1000, value: 1000, step: 1, "aria-label": words("player.position"),
    on: { input: () => { setPlaying(false); go(start + (scrub.value / 1000) * (end - start)); } } });
  const label = h("output", { class: "number" });
  const bar = h("div", { class: "player", role: "group", "aria-label": words("player.title") },
    button("first", icon("first"), () => { setPlaying(false); go(start); }), button("back", "‹", () => step(-1)), play,
    button("forward", "›", () => step(1)), scrub, label, speed);
  root.append(bar);
  show();

  function go(time) {
    now = Math.min(Math.max(time, start), end);
    show();
    onTime(now);
  }

  function show() {
    scrub.value = String(end > start ? Math.round(((now - start) / (end - start)) * 1000) : 1000);
    const text = `${duration(now - start)} / ${duration(end - start)}`;
    label.textContent = text;
    scrub.setAttribute("aria-valuetext", text);
  }

  function step(by) {
    setPlaying(false);
    const tiny = 1e-6;
    const next = by > 0 ? times.find((time) => time > now + tiny) : times.findLast((time) => time < now - tiny);
    if (next !== undefined) go(next);
  }

  function setPlaying(wanted) {
    if (wanted === playing) return;
    playing = wanted;
    fill(play, icon(playing ? "pause" : "play"));
    play.dataset.playing = playing;
    play.setAttribute("aria-label", words(playing ? "player.pause" : "player.play"));
    cancelAnimationFrame(frame);
    if (!playing) return;
    if (now >= end) go(start);
    last = performance.now();
    frame = requestAnimationFrame(tick);
  }

  /** The speed is read each time: it can be changed while it runs. */
  function tick(time) {
    go(now + (Math.max(0, time - last) / 1000) * Number(speed.value));
    last = time;
    if (now >= end) setPlaying(false);
    else frame = requestAnimationFrame(tick);
  }

  return { destroy() { cancelAnimationFrame(frame); playing = false; bar.remove(); } };
}
