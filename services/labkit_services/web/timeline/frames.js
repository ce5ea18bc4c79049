// One animation frame for all changes that come before it.

export class Frames {
  constructor(draw) { this.draw = draw; this.handle = 0; this.timer = 0; this.due = Infinity; }

  request() {
    if (!this.handle && this.draw) this.handle = requestAnimationFrame((time) => this.#run(time));
  }

  /** Ask for a frame in so many milliseconds, unless one comes earlier. */
  requestIn(delay) {
    const due = performance.now() + delay;
    if (this.handle || due >= this.due || !this.draw) return;
    clearTimeout(this.timer);
    if (delay <= 17) { this.request(); return; }
    this.due = due;
    this.timer = setTimeout(() => { this.due = Infinity; this.request(); }, delay);
  }

  #run(time) {
    this.handle = 0;
    clearTimeout(this.timer);
    this.due = Infinity;
    this.draw(time);
  }

  destroy() {
    cancelAnimationFrame(this.handle);
    clearTimeout(this.timer);
    this.draw = null;
  }
}
