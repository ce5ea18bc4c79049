// Which part of the axis is shown. Axis seconds (see scale.js). No DOM.
// It follows "now" at its right end until the user goes elsewhere; "fitted" it shows everything.

const SHORTEST = 0.002;
const MARGIN = 0.04; // of the width, at the right of "now"

export class Range {
  constructor() {
    this.low = 0;
    this.high = 1;
    this.from = 0;
    this.to = 1;
    this.fit();
  }

  get length() { return this.to - this.from; }

  /** The axis grew (or was given anew): what is shown goes along if it follows. */
  setBounds(low, high) {
    this.low = low;
    this.high = Math.max(high, low + SHORTEST);
    if (this.fitted) [this.from, this.to] = [low, this.#end()];
    else if (this.following) this.#endAt(this.high + this.length * MARGIN);
  }

  #end() { return this.high + (this.high - this.low) * MARGIN; }

  #endAt(to) { this.from = to - this.length; this.to = to; }

  fit() {
    this.fitted = this.following = true;
    this.setBounds(this.low, this.high);
  }

  /** Go to the newest again, with the same zoom. */
  follow() {
    this.following = true;
    this.setBounds(this.low, this.high);
  }

  set(from, to) {
    const length = Math.min(Math.max(to - from, SHORTEST), Math.max(this.#end() - this.low, SHORTEST));
    const middle = (from + to) / 2;
    this.from = middle - length / 2;
    this.to = middle + length / 2;
    if (this.from < this.low) [this.from, this.to] = [this.low, this.low + length];
    const end = this.high + length * MARGIN;
    if (this.to > end) [this.from, this.to] = [end - length, end];
    this.fitted = false;
    this.following = this.to >= this.high;
  }

  /** Zoom by a factor (2: twice as close); `at` stays where it is, by default the right end or the middle. */
  zoom(factor, at = this.following ? this.to : (this.from + this.to) / 2) {
    const share = (at - this.from) / this.length;
    const length = Math.max(this.length / factor, SHORTEST);
    this.set(at - share * length, at + (1 - share) * length);
  }

  pan(by) { this.set(this.from + by, this.to + by); }
}
