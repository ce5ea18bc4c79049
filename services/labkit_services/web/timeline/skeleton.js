// The elements of a timeline: what is drawn on, scrolled and read.

import { SERIES } from "./depth.js";
import { AXIS, FOOT, HEAD, ROW, STRIP } from "./painter.js";

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Fill `root`; returns {plot, canvas, scroller, list, empty, foot, counts, overview}. */
export function createSkeleton(root, say) {
  const plot = element("div", "tl-plot");
  const [canvas, overview] = [element("canvas", "tl-canvas"), element("canvas", "tl-overview")];
  for (const each of [canvas, overview]) each.setAttribute("aria-hidden", "true");
  const scroller = element("div", "tl-scroll");
  const list = element("div", "tl-list");
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", say("timeline.rows"));
  list.hidden = true; // a listbox must not be empty
  const empty = element("p", "tl-empty", say("timeline.empty"));
  scroller.append(list, empty);
  const foot = element("div", "tl-foot");
  const counts = Object.fromEntries(SERIES.map((name) => {
    const line = element("div", "tl-count");
    const number = element("b");
    line.append(element("span", "", say(`timeline.depth.${name}`)), number);
    foot.append(line);
    return [name, number];
  }));
  plot.append(canvas, scroller, foot);
  root.append(plot, overview);
  for (const [name, size] of Object.entries({ row: ROW, head: HEAD, foot: FOOT, strip: STRIP, axis: AXIS })) {
    root.style.setProperty(`--tl-${name}`, `${size}px`);
  }
  return { plot, canvas, scroller, list, empty, foot, counts, overview };
}
