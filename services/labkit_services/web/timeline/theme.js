// The colours of the style table: as CSS custom properties on an element, and as plain values for a canvas.

/** Set `--mark-NAME` on `element` for every colour of the table; they follow the element's color-scheme. */
export function applyMarks(element, marks) {
  for (const [name, { light, dark }] of Object.entries(marks.colours)) {
    element.style.setProperty(`--mark-${name}`, `light-dark(${light}, ${dark})`);
  }
}

/** Tells which scheme is in force on `root`, and calls `changed` when another one is. */
export class Theme {
  constructor(root, marks, changed) {
    this.marks = marks;
    this.probe = document.createElement("i");
    this.probe.className = "tl-probe";
    this.probe.setAttribute("aria-hidden", "true");
    root.append(this.probe);
    const look = () => { if (this.#read()) changed(); };
    this.media = matchMedia("(prefers-color-scheme: dark)");
    this.media.addEventListener("change", look);
    this.observer = new MutationObserver(look);
    for (const element of [document.documentElement, document.body, root]) {
      this.observer.observe(element, { attributes: true });
    }
    this.look = look;
    this.#read();
  }

  /** Whether the scheme is another one than before. */
  #read() {
    // light-dark(black, white) in the style sheet: white means dark.
    const colour = getComputedStyle(this.probe).color;
    const dark = /\b255\b/.test(colour);
    if (this.palette && dark === this.dark) return false;
    this.dark = dark;
    const scheme = dark ? "dark" : "light";
    this.palette = Object.fromEntries(
      Object.entries(this.marks.colours).map(([name, both]) => [name, both[scheme]]),
    );
    return true;
  }

  destroy() {
    this.media.removeEventListener("change", this.look);
    this.observer.disconnect();
    this.probe.remove();
  }
}
