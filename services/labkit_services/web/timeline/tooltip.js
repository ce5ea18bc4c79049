// A small box beside what is pointed at, or what the keyboard is on. It holds text only.

let count = 0;

export class Tooltip {
  constructor(root) {
    this.root = root;
    this.element = document.createElement("div");
    this.element.className = "tl-tip";
    this.element.id = `tl-tip-${(count += 1)}`;
    this.element.setAttribute("role", "tooltip");
    this.element.hidden = true;
    root.append(this.element);
  }

  /** Show a title and lines at x, y in the root's coordinates; above y if there is no room below. */
  show(title, lines, x, y) {
    const texts = [title, ...lines];
    const key = texts.join("\n");
    if (key !== this.key) {
      this.key = key;
      this.element.replaceChildren(...texts.map((text, index) => {
        const line = document.createElement(index ? "div" : "b");
        line.textContent = text;
        return line;
      }));
    }
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.max(4, Math.min(x + 12, this.root.clientWidth - width - 4));
    const top = y + 18 + height > this.root.clientHeight && y - height - 10 > 0 ? y - height - 10 : y + 18;
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  hide() { this.element.hidden = true; }

  get visible() { return !this.element.hidden; }

  destroy() { this.element.remove(); }
}
