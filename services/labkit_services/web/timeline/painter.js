// Draws the plot: grid, faults, rows of bars, "now", and the areas below, on one canvas.

import { countAt, peak, SERIES, stepArea } from "./depth.js";
import { drawBar, drawShape, Hatches } from "./marks.js";
import { stateAt } from "./model.js";
import { plain } from "./say.js";
import { duration } from "./scale.js";

export const ROW = 26;
export const HEAD = 22;
export const STRIP = 34;
export const AXIS = 24;
export const FOOT = STRIP * SERIES.length + 8 + AXIS;
const CLIENT = 6; // middle of the client's line in a row
const WORK = 16; // middle of the other lanes' line
const NOW_WIDTH = 22;
const FONT = "11px system-ui, sans-serif";

export class Painter {
  constructor(canvas, marks) {
    this.canvas = canvas;
    this.marks = marks;
    this.pen = canvas.getContext("2d");
    this.hatches = new Hatches(this.pen);
  }

  /** Give the canvas as many pixels as the screen shows; sizes are CSS pixels. */
  resize(width, height) {
    const ratio = globalThis.devicePixelRatio || 1;
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  /**
   * `view`: scale, rows, scrollTop, now, faults, depth, selected, hovered (keys), bar (hovered), palette, say.
   */
  paint(view) {
    const { pen } = this;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = FONT;
    pen.textBaseline = "alphabetic";
    this.rowsBottom = this.height - FOOT;
    this.#rowBackgrounds(view);
    this.#inPlot(view.scale, () => {
      this.#faults(view);
      this.#grid(view);
      this.#gaps(view);
    });
    this.#rows(view);
    this.#depth(view);
    this.#inPlot(view.scale, () => this.#now(view));
    this.#axis(view);
  }

  #inPlot(scale, draw) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(scale.left, 0, scale.width, this.height - AXIS);
    pen.clip();
    draw();
    pen.restore();
  }

  #visible({ rows, scrollTop }) {
    const first = Math.max(0, Math.floor(scrollTop / ROW));
    const last = Math.min(rows.length, Math.ceil((scrollTop + this.rowsBottom - HEAD) / ROW));
    return { first, last };
  }

  #rowBackgrounds(view) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(0, HEAD, this.width, this.rowsBottom - HEAD);
    pen.clip();
    const { first, last } = this.#visible(view);
    for (let index = first; index < last; index += 1) {
      const { key } = view.rows[index];
      const strength = key === view.selected ? 0.14 : key === view.hovered ? 0.07 : 0;
      if (!strength) continue;
      pen.globalAlpha = strength;
      pen.fillStyle = view.palette.accent;
      pen.fillRect(0, HEAD + index * ROW - view.scrollTop, this.width, ROW);
    }
    pen.restore();
  }

  #grid({ scale, palette, ticks }) {
    const { pen } = this;
    pen.fillStyle = palette.grid;
    for (const { x } of ticks) pen.fillRect(Math.round(x), HEAD, 1, this.height - AXIS - HEAD);
    pen.fillRect(scale.left, this.rowsBottom, scale.width, 1);
  }

  #faults({ scale, faults, now, palette, say }) {
    const { pen } = this;
    let reached = -Infinity;
    this.faultTexts = [];
    for (const fault of faults) {
      if (fault.start > now) continue;
      const from = scale.x(fault.start), to = scale.x(Math.min(fault.end ?? now, now));
      if (to < scale.left || from > scale.left + scale.width) continue;
      const width = Math.max(to - from, 2);
      pen.globalAlpha = 0.14;
      pen.fillStyle = palette.fault;
      pen.fillRect(from, HEAD, width, this.height - AXIS - HEAD);
      pen.globalAlpha = 1;
      for (const x of [from, from + width]) pen.fillRect(Math.round(x), HEAD - 4, 1, this.height - AXIS - HEAD + 4);
      const text = say("timeline.fault", { label: plain(fault.label || `${fault.where} ${fault.what}`).slice(0, 80) });
      const wide = pen.measureText(text).width;
      // Left of "now", which has its word at the end.
      const most = Math.min(scale.left + scale.width, scale.x(now) - NOW_WIDTH) - wide;
      const start = Math.max(scale.left + 3, Math.min(Math.max(from, scale.left) + 3, most));
      if (start < reached) continue;
      pen.fillStyle = palette.text;
      pen.fillText(text, start, HEAD - 8);
      reached = start + wide + 12;
      this.faultTexts.push([start - 6, reached]);
    }
  }

  #gaps({ scale, palette, say }) {
    const { pen } = this;
    for (const gap of scale.warp.gaps) {
      const from = scale.x(gap.start), to = scale.x(gap.end);
      if (to < scale.left || from > scale.left + scale.width) continue;
      pen.fillStyle = this.hatches.of("/", palette.grid);
      pen.fillRect(from, HEAD, to - from, this.height - AXIS - HEAD);
      const text = say("timeline.idle_gap", { time: duration(gap.end - gap.start) });
      const wide = pen.measureText(text).width;
      pen.save();
      pen.fillStyle = palette.secondary;
      const start = (from + to - wide) / 2;
      const isFree = this.faultTexts.every(([left, right]) => start + wide < left || start > right);
      if (to - from > wide + 8 && isFree) {
        pen.fillText(text, start, HEAD - 8);
      } else {
        pen.translate((from + to) / 2 + 4, this.rowsBottom - 6);
        pen.rotate(-Math.PI / 2);
        pen.fillText(text, 0, 0);
      }
      pen.restore();
    }
  }

  #rows(view) {
    const { pen } = this;
    const { scale, now, palette, rows } = view;
    const { first, last } = this.#visible(view);
    pen.save();
    pen.beginPath();
    pen.rect(0, HEAD, this.width, this.rowsBottom - HEAD);
    pen.clip();
    for (let index = first; index < last; index += 1) {
      const style = this.marks.states[stateAt(rows[index], now)] ?? this.marks.states.unknown;
      drawShape(pen, style, palette, scale.left - 12, HEAD + index * ROW - view.scrollTop + WORK - 1);
    }
    pen.beginPath();
    pen.rect(scale.left - 6, HEAD, scale.width + 6, this.rowsBottom - HEAD);
    pen.clip();
    for (let index = first; index < last; index += 1) this.#row(view, rows[index], HEAD + index * ROW - view.scrollTop);
    pen.restore();
  }

  #row(view, model, top) {
    const { scale, now, palette } = view;
    const { pen } = this;
    const right = scale.left + scale.width;
    if (scale.x(model.open ? now : model.end) < scale.left) this.#elsewhere("‹", scale.left + 2, top, palette);
    if (scale.x(model.start) > right) this.#elsewhere("›", right - 8, top, palette);
    for (const bar of model.bars) {
      if (bar.start > now) break;
      const from = scale.x(bar.start), to = scale.x(Math.min(bar.end ?? now, now));
      if (to < scale.left - 8 || from > right) continue;
      const style = this.marks.spans[bar.kind];
      const y = top + (style.lane === "client" ? CLIENT : WORK);
      // Dashes must not depend on what is out of view, nor cost anything there.
      drawBar(pen, style, palette, this.hatches, { from: Math.max(from, scale.left - 24), to: Math.min(to, right + 24), y });
      if (bar === view.bar) {
        pen.strokeStyle = palette.text;
        pen.lineWidth = 1.5;
        pen.strokeRect(from - 2, y - style.height / 2 - 2, Math.max(to - from, 1.5) + 4, style.height + 4);
      }
    }
    for (const moment of model.moments) {
      if (moment.time > now) continue;
      const x = scale.x(moment.time);
      if (x < scale.left - 6 || x > right + 6) continue;
      drawShape(pen, this.marks.moments[moment.kind], palette, x, top + (moment.kind === "answered" ? CLIENT : WORK), true);
    }
  }

  /** A hint that the call is earlier or later than the time shown. */
  #elsewhere(arrow, x, top, palette) {
    this.pen.fillStyle = palette.secondary;
    this.pen.fillText(arrow, x, top + WORK + 4);
  }

  #depth({ scale, depth, now, palette }) {
    const { pen } = this;
    const right = Math.min(scale.x(now), scale.left + scale.width);
    const [from, to] = [scale.time(scale.left), scale.time(right)];
    SERIES.forEach((name, index) => {
      const style = this.marks.depth[name];
      const bottom = this.rowsBottom + 8 + (index + 1) * STRIP - 2;
      pen.fillStyle = palette.grid;
      pen.fillRect(scale.left, bottom, scale.width, 1);
      if (right <= scale.left) return;
      const most = peak(depth[name], from, to);
      const { area, line } = stepArea(depth[name], scale, { left: scale.left, right, bottom, height: STRIP - 8, most });
      pen.globalAlpha = style.hatch ? 0.55 : 0.35;
      pen.fillStyle = style.hatch ? this.hatches.of(style.hatch, palette[style.colour]) : palette[style.colour];
      if (most) pen.fill(area);
      pen.globalAlpha = 1;
      pen.strokeStyle = palette[style.colour];
      pen.lineWidth = 1.2;
      if (most) pen.stroke(line);
    });
  }

  #now({ scale, now, palette, say }) {
    const { pen } = this;
    const x = Math.round(scale.x(now)) + 0.5;
    if (x < scale.left || x > scale.left + scale.width) return;
    pen.strokeStyle = palette.accent;
    pen.lineWidth = 1;
    pen.setLineDash([4, 3]);
    pen.beginPath();
    pen.moveTo(x, HEAD - 6);
    pen.lineTo(x, this.height - AXIS);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = palette.accent;
    const text = say("timeline.now");
    const wide = pen.measureText(text).width;
    const start = Math.min(x - wide / 2, scale.left + scale.width - wide);
    pen.clearRect(start - 3, 2, wide + 6, HEAD - 9);
    pen.fillText(text, start, HEAD - 10);
  }

  #axis({ scale, palette, ticks }) {
    const { pen } = this;
    pen.fillStyle = palette.secondary;
    const y = this.height - 8;
    for (const { x, label } of ticks) {
      const wide = pen.measureText(label).width;
      const start = Math.min(Math.max(x - wide / 2, scale.left - 10), this.width - wide);
      pen.fillText(label, start, y);
    }
  }
}

/** What the depth areas show at a time, by series. */
export function countsAt(depth, time) {
  return Object.fromEntries(SERIES.map((name) => [name, countAt(depth[name], time)]));
}
