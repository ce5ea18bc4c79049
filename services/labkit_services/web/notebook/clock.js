// The time that a view shows: the lab's, as it passes, or an earlier one: paused, stepped, replayed. No DOM.

const MINUTE = 60;
const REST = 2; // seconds after the last event that a replay may show
const TINY = 1e-6;

export class Clock {
  #feed;
  #record;
  #failed;
  #handlers = new Set();
  #frame = 0;
  #base = 0;
  #at = 0;
  #until = 0; // where a replay ends: the present when it began
  #times = [];
  #timesOf = -1; // the version of the calls that they are of
  #mode = "live"; // live, paused, replay

  /** `record` is {start, end} of a recorded run, which has no "now", or null. */
  constructor({ feed, record, failed, signal }) {
    this.#feed = feed;
    this.#record = record;
    this.#failed = failed;
    this.speed = 1;
    if (record) { this.#mode = "paused"; this.#base = record.end; }
    signal.addEventListener("abort", () => this.destroy());
  }

  /** The Unix time to show, in seconds. */
  now() {
    if (this.#mode === "live") return this.#feed.now();
    if (this.#mode === "paused") return this.#base;
    return Math.min(this.#base + ((performance.now() - this.#at) / 1000) * this.speed, this.end);
  }

  /** Whether it follows the lab. */
  get live() { return this.#mode === "live"; }
  get paused() { return this.#mode === "paused"; }
  get recorded() { return this.#record !== null; }

  /** The times between which it can be set. */
  get end() {
    if (this.#record) return this.#record.end;
    return this.#mode === "replay" ? this.#until : this.#feed.now();
  }

  get start() {
    if (this.#record) return this.#record.start;
    const times = this.times();
    // If nothing happened for a while, it is the minute before.
    const last = Math.min(this.end, (times.at(-1) ?? this.end) + REST);
    return Math.min(Math.max(last - MINUTE, times[0] ?? last), last);
  }

  /** Call `handler()` when time stops, goes on or jumps; returns what ends it. */
  on(handler) {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Call `draw(now, clock)` for each frame while time passes, and after each jump; returns what ends it. */
  follow(draw) {
    let frame = 0;
    const run = () => {
      frame = 0;
      try { draw(this.now(), this); } catch (error) { this.#failed(error); }
      if (!this.paused) frame = requestAnimationFrame(run);
    };
    const begin = () => { if (!frame) frame = requestAnimationFrame(run); };
    const end = this.on(begin);
    begin();
    return () => { end(); cancelAnimationFrame(frame); };
  }

  pause() { this.#set("paused", this.now()); }

  /** Go on from the time that is shown; at the end, with the lab, or with a record from its start. */
  play() {
    const now = this.now();
    if (this.recorded && now >= this.end - TINY) return this.#set("replay", this.start);
    if (!this.recorded && now >= this.end - 0.05) return this.goLive();
    this.#set("replay", now);
  }

  /** Show the last minute again, or a record from its start. */
  replay() { this.#set("replay", this.start); }

  /** The lab has ended at this time: what is known is a record from now on. */
  finish(time) {
    if (this.recorded) return;
    this.#record = { start: this.times()[0] ?? time, end: time };
    this.#set("paused", Math.min(this.now(), time));
  }

  goLive() { if (!this.recorded) this.#set("live", 0); }

  /** Stop at a time. */
  seek(time) { this.#set("paused", Math.min(Math.max(time, this.start), this.end)); }

  setSpeed(speed) {
    this.#base = this.now();
    this.#at = performance.now();
    this.speed = speed;
    this.#tell();
  }

  /** Stop at the next event (1) or the one before (-1). */
  step(by) {
    const now = this.now();
    const times = this.times();
    const next = by > 0 ? times.find((time) => time > now + TINY) : times.findLast((time) => time < now - TINY);
    if (next === undefined) this.pause();
    else this.#set("paused", next);
  }

  /** When something happened, in order. */
  times() {
    if (this.#timesOf === this.#feed.version) return this.#times;
    const found = new Set();
    for (const call of this.#feed.calls.values()) {
      for (const span of call.spans ?? []) {
        found.add(span.start);
        if (span.end !== null) found.add(span.end);
      }
    }
    this.#timesOf = this.#feed.version;
    this.#times = [...found].sort((a, b) => a - b);
    return this.#times;
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#handlers.clear();
  }

  #set(mode, base) {
    cancelAnimationFrame(this.#frame);
    if (mode === "replay") this.#until = this.end;
    this.#mode = mode;
    this.#base = base;
    this.#at = performance.now();
    if (mode === "replay") this.#watchEnd();
    this.#tell();
  }

  /** After a replay the view is live again; a record stops. */
  #watchEnd() {
    this.#frame = requestAnimationFrame(() => {
      if (this.#mode !== "replay") return;
      if (this.now() < this.end - TINY) this.#watchEnd();
      else if (this.recorded) this.#set("paused", this.end);
      else this.goLive();
    });
  }

  #tell() {
    for (const handler of this.#handlers) {
      try { handler(); } catch (error) { this.#failed(error); }
    }
  }
}
