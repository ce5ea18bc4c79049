// The controls of time, the same above every live view: pause, step, replay, speed, position.

import { duration } from "../timeline/scale.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5];
// Drawn: not every font has these signs.
const SHAPES = {
  pause: "M4 3h3v10H4zM9 3h3v10H9z", play: "M4 3v10l9-5z", back: "M4 3h2v10H4zM12 3v10L6.5 8z", forward: "M10 3h2v10h-2zM4 3v10l5.5-5z",
  replay: "M8 3a5 5 0 1 0 5 5h-1.6A3.4 3.4 0 1 1 8 4.6V7l4-3.2L8 .6z", live: "M8 4a4 4 0 1 1 0 8a4 4 0 1 1 0-8z",
};

export function createBar(root, { clock, say, signal }) {
  const button = (name, click) => {
    const element = document.createElement("button");
    element.type = "button";
    element.dataset.time = name;
    element.append(icon(name));
    label(element, say(`live.bar.${name}`));
    element.addEventListener("click", click, { signal });
    root.append(element);
    return element;
  };
  const pause = button("pause", () => (clock.paused ? clock.play() : clock.pause()));
  button("back", () => clock.step(-1));
  button("forward", () => clock.step(1));
  button("replay", () => clock.replay());
  const place = document.createElement("input");
  Object.assign(place, { type: "range", min: 0, max: 1000, step: 1, value: 1000 });
  place.setAttribute("aria-label", say("live.bar.position"));
  place.addEventListener("input", () => {
    const { start, end } = clock;
    clock.seek(start + (place.value / 1000) * (end - start));
  }, { signal });
  const time = document.createElement("output");
  const speed = document.createElement("select");
  speed.setAttribute("aria-label", say("live.bar.speed"));
  speed.append(...SPEEDS.map((each) => new Option(`${each}×`, each, each === 1, each === 1)));
  speed.addEventListener("change", () => clock.setSpeed(Number(speed.value)), { signal });
  root.append(place, time, speed);
  const live = button("live", () => clock.goLive());
  live.append(say("live.bar.live"));

  const show = () => {
    pause.replaceChildren(icon(clock.paused ? "play" : "pause"));
    label(pause, say(clock.paused ? "live.bar.play" : "live.bar.pause"));
    live.hidden = clock.recorded;
    live.setAttribute("aria-pressed", String(clock.live));
    speed.disabled = clock.live;
  };
  const move = (now) => {
    if (clock.live) return put(1000, "");
    const { start, end } = clock;
    put(end > start ? Math.round(((now - start) / (end - start)) * 1000) : 1000, clock.recorded ? `${duration(now - start)} / ${duration(end - start)}` : `−${duration(end - now)}`);
  };
  const put = (value, text) => {
    if (place.value !== String(value)) place.value = value;
    if (time.textContent === text) return;
    time.textContent = text;
    place.setAttribute("aria-valuetext", text || say("live.bar.live"));
  };
  let stop = null;
  const changed = () => {
    show();
    stop?.();
    stop = clock.live ? null : clock.follow(move);
    if (clock.live) move(0);
  };
  const end = clock.on(changed);
  changed();
  return { destroy() { end(); stop?.(); } };
}

function label(element, text) {
  element.title = text;
  element.setAttribute("aria-label", text);
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", fill: "currentColor" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}
