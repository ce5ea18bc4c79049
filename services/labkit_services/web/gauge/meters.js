// A number with a bar, and a line of the last minute.

import { svg } from "../timeline/marks.js";
import { element } from "../timeline/skeleton.js";
import { KEPT } from "./readings.js";

const WIDTH = 240;
const HEIGHT = 44;

/** A number below which `label`, an element, stands; with `most`, how much of it is used. */
export function createMeter(key, label) {
  const value = element("strong", "ga-number", "–");
  value.dataset.gauge = key;
  const limit = element("span", "ga-limit"), part = element("span", "ga-part"), bar = element("span", "ga-bar");
  bar.setAttribute("aria-hidden", "true");
  bar.hidden = true;
  bar.append(part);
  const line = element("span", "ga-value"), made = element("div", "ga-meter");
  line.append(value, limit);
  made.append(line, label, bar);
  return {
    element: made,
    update(number, most = null) {
      set(value, String(number ?? "–"));
      set(limit, most === null ? "" : ` / ${most}`);
      bar.hidden = most === null;
      if (most !== null) part.style.setProperty("width", `${Math.min(100, (100 * (number ?? 0)) / Math.max(1, most))}%`);
      made.classList.toggle("ga-some", Boolean(number));
    },
  };
}

/** Depth (area) and in flight (line) of the last minute. */
export function createSparkline(say) {
  const area = svg("path", { class: "ga-depth" }), line = svg("path", { class: "ga-running" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
  picture.append(area, line);
  const caption = element("figcaption", "", `${say("queues.sparkline")} `), top = element("span");
  const made = element("figure", "ga-line");
  caption.append(top);
  made.append(picture, caption);
  return {
    element: made,
    draw(readings, now) {
      const shown = readings.between(now - KEPT, now);
      const most = Math.max(1, ...shown.map(({ depth, inFlight }) => Math.max(depth, inFlight)));
      const text = say("queues.sparkline.most", { n: most });
      set(top, text);
      picture.setAttribute("aria-label", `${say("queues.sparkline")} ${text}`);
      if (!shown.length) return;
      const { path, from } = steps(shown, now, most, "depth");
      area.setAttribute("d", `M${from} ${HEIGHT}L${path}V${HEIGHT}Z`);
      line.setAttribute("d", `M${steps(shown, now, most, "inFlight").path}`);
    },
  };
}

/** A reading holds until the next. */
function steps(shown, now, most, name) {
  const x = (at) => (Math.max(0, 1 - (now - at) / KEPT) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1);
  const from = x(shown[0].at);
  const path = `${from} ${y(shown[0][name])}${shown.slice(1).map((reading) => `H${x(reading.at)}V${y(reading[name])}`).join("")}H${WIDTH}`;
  return { path, from };
}

function set(target, text) { if (target.textContent !== text) target.textContent = text; }
