// The legend: every kind of bar and every moment, drawn by the code and the table that draw the plot.

import { drawBar, Hatches, shapeIcon } from "./marks.js";

const WIDTH = 30, HEIGHT = 16;

export class Legend {
  constructor(root, { marks, say }) {
    this.marks = marks;
    this.samples = [];
    const list = document.createElement("ul");
    list.className = "tl-legend";
    list.setAttribute("aria-label", say("timeline.legend"));
    for (const [kind, style] of Object.entries(marks.spans)) {
      const sample = document.createElement("canvas");
      sample.setAttribute("aria-hidden", "true");
      sample.className = "tl-sample";
      this.samples.push({ sample, style });
      list.append(this.#item(sample, kind, say));
    }
    for (const [kind, style] of Object.entries(marks.moments)) list.append(this.#item(shapeIcon(style), kind, say));
    root.append(list);
    this.element = list;
  }

  #item(picture, kind, say) {
    const item = document.createElement("li");
    item.dataset.kind = kind;
    item.append(picture, say(`span.${kind}`));
    return item;
  }

  /** Draw the samples in the colours that are in force. */
  paint(palette) {
    const ratio = globalThis.devicePixelRatio || 1;
    for (const { sample, style } of this.samples) {
      sample.width = WIDTH * ratio;
      sample.height = HEIGHT * ratio;
      const pen = sample.getContext("2d");
      pen.scale(ratio, ratio);
      drawBar(pen, style, palette, new Hatches(pen), { from: 2, to: WIDTH - 2, y: HEIGHT / 2 });
    }
  }
}
