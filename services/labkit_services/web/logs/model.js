// The lines of a lab's logs: a bounded number, and which of them are shown. No DOM.

export const MOST_LINES = 2_000;
export const LEVELS = ["debug", "info", "warning", "error"];
const LATE_SECONDS = 1.5;
const OTHER_NAMES = { warn: "warning", critical: "error", fatal: "error" };

/** 0 to 3, or -1 for a level that is none of these: it is always shown. */
export const rank = (level) => LEVELS.indexOf(OTHER_NAMES[level] ?? level);

/** The key of a source: a function may be called as a service is. */
export const sourceOf = (line) => `${line.kind === "function" ? "function" : "service"} ${line.service}`;

/**
 * A line is {service, kind, time, level, text, call_id}; kind "function" is
 * a function's own output, anything else a service's log.
 */
export class LogModel {
  lines = [];
  isMixed = false;
  /** key → {name, kind, shown, style}; style numbers the sources of a kind. */
  sources = new Map();
  /** How many lines came too fast to be read, since the beginning. */
  total = 0;
  ignored = 0; // of these: before the view was cleared
  text = "";
  level = "debug";
  call = "";
  /** Unix time in seconds; null is now: later lines are not shown. */
  until = null;

  /**
   * Add lines; returns those that are kept. Lines that come much later than
   * others of their time take their place among them: then `isMixed` is true.
   */
  add(lines) {
    const last = this.lines.at(-1)?.seconds ?? -Infinity;
    const kept = lines.slice(-MOST_LINES).map((line) => ({ ...line, source: sourceOf(line), seconds: Date.parse(line.time) / 1000 }));
    for (const line of kept) this.addSource(line.service, line.kind);
    this.lines.push(...kept);
    // The time of a service's line has no fraction: near ones stay as they came.
    this.isMixed = kept.some((line) => line.seconds < last - LATE_SECONDS);
    if (this.isMixed) this.lines.sort((a, b) => a.seconds - b.seconds);
    if (this.lines.length > MOST_LINES) this.lines = this.lines.slice(-MOST_LINES);
    return kept;
  }

  /** Know a source before its first line; returns whether it is new. */
  addSource(service, kind) {
    const key = sourceOf({ service, kind });
    if (this.sources.has(key)) return false;
    const isFunction = kind === "function";
    const style = [...this.sources.values()].filter((each) => each.isFunction === isFunction).length;
    this.sources.set(key, { name: service, isFunction, style, shown: true });
    return true;
  }

  clear() {
    this.lines = [];
    this.ignored = this.total;
  }

  get dropped() { return this.total - this.ignored; }

  get isFiltered() {
    return Boolean(this.text.trim() || this.call || this.level !== "debug" || [...this.sources.values()].some((each) => !each.shown));
  }

  /** Returns a function that tells whether a line is shown. */
  filter() {
    const wanted = this.text.trim().toLowerCase();
    const least = LEVELS.indexOf(this.level);
    return (line) => this.sources.get(line.source).shown &&
      (this.until === null || !(line.seconds > this.until)) &&
      (rank(line.level) < 0 || rank(line.level) >= least) &&
      (!this.call || line.call_id === this.call || line.text.includes(this.call)) &&
      (!wanted || `${line.service} ${line.text} ${line.call_id ?? ""}`.toLowerCase().includes(wanted));
  }

  matching() {
    return this.lines.filter(this.filter());
  }
}
