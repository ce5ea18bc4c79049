// Draws bars, moments and states as the style table (marks.json) says: on a canvas, and as SVG for legends.

const SVG = "http://www.w3.org/2000/svg";
const paths = new Map(); // a path of the table never changes

function pathOf(text) {
  if (!paths.has(text)) paths.set(text, new Path2D(text));
  return paths.get(text);
}

/** Patterns of a canvas context, made once per hatch and colour. */
export class Hatches {
  constructor(context) { this.context = context; this.known = new Map(); }

  of(hatch, colour) {
    const key = hatch + colour;
    if (!this.known.has(key)) this.known.set(key, this.#make(hatch, colour));
    return this.known.get(key);
  }

  #make(hatch, colour) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 1.4;
    pen.beginPath();
    if (hatch === "|") {
      pen.moveTo(3, 0);
      pen.lineTo(3, 6);
    }
    for (const shift of hatch === "|" ? [] : [-6, 0, 6]) {
      if (hatch !== "\\") { pen.moveTo(shift - 1, 7); pen.lineTo(shift + 7, -1); }
      if (hatch !== "/") { pen.moveTo(shift - 1, -1); pen.lineTo(shift + 7, 7); }
    }
    pen.stroke();
    return this.context.createPattern(tile, "repeat");
  }
}

/** Draw a bar from x `from` to `to`, its middle at `y`. */
export function drawBar(pen, style, palette, hatches, { from, to, y }) {
  const colour = palette[style.colour];
  const width = Math.max(to - from, 1.5);
  if (style.fill && style.line !== "solid") {
    drawThread(pen, style, colour, from, from + width, y);
    return;
  }
  const top = y - style.height / 2;
  pen.beginPath();
  if (style.end === "arrow" && width >= 6) {
    const point = Math.min(5, width / 2);
    pen.moveTo(from, top);
    pen.lineTo(from + width - point, top);
    pen.lineTo(from + width, y);
    pen.lineTo(from + width - point, top + style.height);
    pen.lineTo(from, top + style.height);
    pen.closePath();
  } else {
    pen.roundRect(from, top, width, style.height, Math.min(style.height > 4 ? 2 : 1, width / 2));
  }
  if (style.fill || width < 4) {
    pen.fillStyle = colour;
    pen.fill();
    if (style.hatch && width >= 4) {
      pen.fillStyle = hatches.of(style.hatch, palette.background);
      pen.fill();
      outline(pen, colour, []);
    }
    return;
  }
  pen.fillStyle = palette.background;
  pen.fill();
  pen.fillStyle = hatches.of(style.hatch, colour);
  pen.fill();
  outline(pen, colour, { dashed: [3, 2], dotted: [1.5, 2.5] }[style.line] ?? []);
}

function outline(pen, colour, dashes) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2;
  pen.setLineDash(dashes);
  pen.stroke();
  pen.setLineDash([]);
}

function drawThread(pen, style, colour, from, to, y) {
  const dotted = style.line === "dotted";
  pen.strokeStyle = colour;
  pen.lineWidth = style.height;
  pen.lineCap = dotted ? "round" : "butt";
  pen.setLineDash(dotted ? [0, style.height * 1.7] : [8, 5]);
  const inset = dotted ? style.height / 2 : 0;
  pen.beginPath();
  pen.moveTo(from + inset, y);
  pen.lineTo(Math.max(to - inset, from + inset + 0.1), y);
  pen.stroke();
  pen.setLineDash([]);
  pen.lineCap = "butt";
}

/** Draw a moment or a state with its middle at x, y; `halo` keeps it apart from what is below. */
export function drawShape(pen, style, palette, x, y, halo = false) {
  const shape = pathOf(style.path);
  pen.save();
  pen.translate(x, y);
  pen.lineJoin = "round";
  if (halo) {
    pen.strokeStyle = palette.background;
    pen.lineWidth = style.fill ? 3 : 5;
    pen.stroke(shape);
  }
  if (style.fill) {
    pen.fillStyle = palette[style.colour];
    pen.fill(shape);
  } else {
    pen.strokeStyle = palette[style.colour];
    pen.lineWidth = 1.8;
    pen.stroke(shape);
  }
  pen.restore();
}

/** A moment or state as an SVG element; its colour follows the color-scheme (see applyMarks). */
export function shapeIcon(style) {
  const picture = svg("svg", { viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true", class: "tl-icon" });
  const colour = `var(--mark-${style.colour})`;
  picture.append(svg("path", {
    d: style.path, fill: style.fill ? colour : "none", stroke: style.fill ? "none" : colour,
    "stroke-width": 1.8, "stroke-linejoin": "round",
  }));
  return picture;
}

/** Make an SVG element with attributes. */
export function svg(name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
