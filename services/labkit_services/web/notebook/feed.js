// What the lab's feed sends, reduced to the newest state of each topic. No DOM.
//
// Messages are {seq, epoch, topics} with what changed; a keyframe is the same with all of the last minute. Both may
// come late, twice or not at all: a call is sent whole, so the newest wins. After a reset of the lab `epoch` is higher.

const MOST_CALLS = 5_000;
const MOST_LINES = 2_000;
const LISTS = { logs: "lines", bin: "requests" }; // topics that grow

const keyOf = (call) => `${call.callId}\n${call.function}`;

export class Feed {
  #seq = 0;
  #epoch = 0;
  #behind = false; // a message is missing: the next keyframe counts
  #calls = new Map();
  #latest = new Map();
  #handlers = new Map();
  #offsets = [];

  constructor(failed = (error) => { throw error; }) {
    this.failed = failed;
    this.gaps = 0;
    this.version = 0; // rises when calls change
  }

  /**
   * Call `handler(content)` with the topic's newest content now, if there is one, and with each that follows. The
   * content of "calls" is {calls, counts, faults, now, whole}: with `whole` all calls, else those that changed.
   * That of "logs" and "bin" likewise, with `lines` and `requests`. Returns what ends it.
   */
  on(topic, handler) {
    const handlers = this.#handlers.get(topic) ?? new Set();
    this.#handlers.set(topic, handlers);
    handlers.add(handler);
    const content = this.latest(topic);
    if (content) this.#call(handler, content);
    return () => handlers.delete(handler);
  }

  /** The whole newest content of a topic, or null. */
  latest(topic) {
    const content = this.#latest.get(topic);
    if (!content) return null;
    return topic === "calls" ? { ...content, calls: [...this.#calls.values()], whole: true } : { ...content, whole: true };
  }

  get calls() { return this.#calls; }

  /** The kernel's Unix time in seconds, by the browser's clock. */
  now() { return Date.now() / 1000 - this.offset; }

  /** How much later the browser's clock is: the least that a message seemed to take. */
  get offset() { return this.#offsets.length ? Math.min(...this.#offsets) : 0; }

  receive({ seq, epoch, topics }) {
    if (seq <= this.#seq && epoch === this.#epoch) return;
    if (seq !== this.#seq + 1 && this.#seq) { this.gaps += 1; this.#behind = true; }
    this.#seq = seq;
    const { now } = topics.calls ?? {};
    if (now) this.#offsets = [...this.#offsets.slice(-19), Date.now() / 1000 - now];
    this.#begin(epoch);
    for (const [topic, content] of Object.entries(topics)) this.#take(topic, content, false);
  }

  receiveKeyframe({ seq, epoch, topics } = {}) {
    if (!topics || seq < this.#seq || (seq === this.#seq && seq && !this.#behind && epoch === this.#epoch)) return;
    this.#seq = seq;
    this.#behind = false;
    this.#begin(epoch);
    for (const [topic, content] of Object.entries(topics)) this.#take(topic, content, true);
  }

  destroy() { this.#handlers.clear(); }

  /** After a reset of the lab nothing of before counts. */
  #begin(epoch) {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.version += 1;
    this.#calls.clear();
    const had = this.#latest.get("calls");
    this.#latest.clear();
    if (!had) return;
    this.#latest.set("calls", { ...had, counts: {}, faults: [] });
    this.#tell("calls", this.latest("calls"));
  }

  #take(topic, content, whole) {
    if (topic === "calls") {
      this.version += 1;
      for (const call of content.calls) this.#calls.set(keyOf(call), call);
      for (const key of this.#calls.keys()) {
        if (this.#calls.size <= MOST_CALLS) break;
        this.#calls.delete(key);
      }
      this.#latest.set(topic, { ...content, calls: [] });
    } else if (topic in LISTS) {
      const name = LISTS[topic];
      const before = whole ? [] : this.#latest.get(topic)?.[name] ?? [];
      this.#latest.set(topic, { ...content, [name]: [...before, ...content[name] ?? []].slice(-MOST_LINES) });
    } else this.#latest.set(topic, content);
    this.#tell(topic, whole ? this.latest(topic) : { ...content, whole: false });
  }

  #tell(topic, content) {
    for (const handler of this.#handlers.get(topic) ?? []) this.#call(handler, content);
  }

  #call(handler, content) {
    try { handler(content); } catch (error) { this.failed(error); }
  }
}
