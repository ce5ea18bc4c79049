// The whole run in a strip, with a window around what is shown: drag it, its edges, or anywhere else.
// The keyboard has the same on the rows themselves, so this is hidden from screen readers.

import { peak, stepArea } from "./depth.js";
import { Scale } from "./scale.js";

const EDGE = 6;

export class Brush {
  /** `moved(from, to)` gets axis seconds; `reset()` is called for a double click. */
  constructor(canvas, { moved, reset, signal }) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.moved = moved;
    const on = (type, handler) => canvas.addEventListener(type, handler, { signal });
    on("pointerdown", (event) => this.#grab(event));
    on("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) on(end, () => { this.held = null; });
    on("dblclick", reset);
  }

  resize(width, height) {
    const ratio = globalThis.devicePixelRatio || 1;
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  paint({ warp, range, depth, now, palette, left }) {
    const { pen, height } = this;
    const width = this.width - left - 2;
    const end = range.high + (range.high - range.low) * 0.04;
    this.scale = new Scale(warp, range.low, end, left, Math.max(width, 10));
    this.range = range;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, height);
    pen.fillStyle = palette.grid;
    pen.fillRect(left, height - 1, width, 1);
    const right = Math.min(this.scale.x(now), left + width);
    for (const [name, colour] of [["queued", palette.queue], ["in_flight", palette.works]]) {
      const most = peak(depth[name], -Infinity, now);
      if (!most || right <= left) continue;
      const shape = { left, right, bottom: height - 1, height: height - 8, most };
      pen.globalAlpha = 0.4;
      pen.fillStyle = colour;
      pen.fill(stepArea(depth[name], this.scale, shape).area);
      pen.globalAlpha = 1;
    }
    const [from, to] = this.#window();
    pen.globalAlpha = 0.1;
    pen.fillStyle = palette.accent;
    pen.fillRect(from, 0, to - from, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = palette.accent;
    pen.lineWidth = 1;
    pen.strokeRect(from + 0.5, 0.5, Math.max(to - from - 1, 1), height - 1);
    pen.fillStyle = palette.accent;
    for (const x of [from, to - 3]) pen.fillRect(x, height / 2 - 7, 3, 14);
  }

  #window() {
    const x = (axis) => this.scale.left + (axis - this.scale.from) * this.scale.perSecond;
    return [Math.max(x(this.range.from), this.scale.left), Math.min(x(this.range.to), this.scale.left + this.scale.width)];
  }

  #grab(event) {
    if (!this.scale || event.button !== 0) return;
    const [from, to] = this.#window();
    const x = event.offsetX;
    const axis = this.scale.axis(x);
    this.canvas.setPointerCapture(event.pointerId);
    const whole = to - from > this.scale.width * 0.97;
    if (Math.abs(x - from) <= EDGE) this.held = { kind: "edge", other: this.range.to };
    else if (Math.abs(x - to) <= EDGE) this.held = { kind: "edge", other: this.range.from };
    else if (x > from && x < to && !whole) this.held = { kind: "move", off: axis - this.range.from };
    else this.held = { kind: "edge", other: axis };
  }

  #drag(event) {
    const { held } = this;
    if (!held) return;
    const axis = this.scale.axis(event.offsetX);
    if (held.kind === "move") {
      this.moved(axis - held.off, axis - held.off + this.range.length);
    } else if (Math.abs(axis - held.other) * this.scale.perSecond > 3) {
      this.moved(Math.min(axis, held.other), Math.max(axis, held.other));
    }
  }
}
