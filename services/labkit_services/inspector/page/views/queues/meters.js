// A number with a bar, and a line of the last minute.

import { term } from "../../components/term.js";
import { h, setStyle, svg } from "../../dom.js";

const POINTS = 60;
const WIDTH = 240;
const HEIGHT = 44;

/** A number; with `most`, how much of it is used. */
export function createGauge(words, key) {
  const value = h("strong", { class: "number", data: { gauge: key } }, "–");
  const limit = h("span", { class: "secondary number" });
  const part = h("span", { class: "part" });
  const bar = h("span", { class: "gauge-bar", "aria-hidden": "true", hidden: true }, part);
  const element = h("div", { class: "gauge" }, h("span", { class: "gauge-value" }, value, limit), term(words, key), bar);
  return {
    element,
    update(number, most = null) {
      value.textContent = number ?? "–";
      limit.textContent = most === null ? "" : ` / ${most}`;
      bar.hidden = most === null;
      if (most !== null) setStyle(part, { width: `${Math.min(100, (100 * (number ?? 0)) / Math.max(1, most))}%` });
    },
  };
}

/** Depth (area) and in flight (line) of the last readings. */
export function createSparkline(words) {
  const depths = [];
  const running = [];
  const area = svg("path", { class: "depth" });
  const line = svg("path", { class: "running" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words("queues.sparkline"), preserveAspectRatio: "none" }, area, line);
  const most = h("span", { class: "secondary small-text number" });
  const element = h("figure", { class: "sparkline" }, picture, h("figcaption", { class: "secondary small-text" }, words("queues.sparkline"), " ", most));

  function points(values, top) {
    const step = WIDTH / (POINTS - 1);
    const from = POINTS - values.length;
    return values.map((value, place) => `${((from + place) * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1)}`);
  }

  return {
    element,
    add(depth, inFlight) {
      depths.push(depth ?? 0);
      running.push(inFlight ?? 0);
      if (depths.length > POINTS) depths.shift(), running.shift();
      const top = Math.max(1, ...depths, ...running);
      most.textContent = words("queues.sparkline.most", { n: top });
      const curve = points(depths, top);
      const start = curve[0].split(",")[0];
      area.setAttribute("d", `M${start},${HEIGHT} L${curve.join(" L")} L${WIDTH},${HEIGHT} Z`);
      line.setAttribute("d", `M${points(running, top).join(" L")}`);
    },
  };
}
