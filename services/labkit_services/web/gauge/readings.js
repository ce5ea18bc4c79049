// The readings of one queue over the last minute: what was when, how fast calls come and go. No DOM.

export const KEPT = 60; // seconds
const LEAVE_WINDOW = 10; // seconds over which is measured how many calls leave
const COME_WINDOW = 3; // and how many come: shorter, so that a burst is over when it is
const SHORTEST = 2;
const FEWEST = 2; // calls that must have gone before a time is estimated

export class Readings {
  #list = [];

  /** `kept` is for how many seconds readings are kept. */
  constructor(kept = KEPT) { this.kept = kept; }

  /** Add a queue as api/v1/queues gives it, read at a Unix time. */
  add(queue, at) {
    const reading = {
      at, queue, depth: queue.depth ?? 0, inFlight: queue.in_flight ?? 0, submitted: queue.submitted ?? null,
      unsettled: (queue.depth ?? 0) + (queue.in_flight ?? 0) + (queue.waiting_for_retry ?? 0),
    };
    const last = this.#list.at(-1);
    // The lab was reset, or the clock: nothing of before counts.
    if (last && (at < last.at || (reading.submitted ?? 0) < (last.submitted ?? 0))) this.#list = [];
    this.#list.push(reading);
    while (this.#list.length > 1 && this.#list[1].at < at - this.kept) this.#list.shift();
  }

  /** The reading that held at a time, or null. */
  at(now) { return this.#list.findLast((reading) => reading.at <= now) ?? null; }

  /** The readings between two times, and the one that held at the first. */
  between(from, to) {
    const first = this.#list.findLastIndex((reading) => reading.at <= from);
    return this.#list.slice(Math.max(0, first)).filter((reading) => reading.at <= to);
  }

  /**
   * Calls that came and that left per second until `now`, {come, leave, left}; null if too little was measured. A call
   * leaves when it is done, dead or cancelled. `left` is in how many seconds the queue is empty at this pace: 0 if it
   * is, Infinity if it does not get shorter, null if too few calls have left to tell.
   */
  pace(now) {
    const last = this.at(now);
    if (!last) return null;
    const come = this.#come(last, now), { leave, gone } = this.#leave(last, now);
    if (!last.unsettled) return { come, leave, left: 0 };
    if (come === null || leave === null || gone < FEWEST) return { come, leave, left: null };
    return { come, leave, left: leave > come ? last.unsettled / (leave - come) : Infinity };
  }

  #come(last, now) {
    const first = this.at(now - COME_WINDOW) ?? this.#list[0];
    const seconds = Math.min(COME_WINDOW, now - first.at);
    return last.submitted === null || seconds < SHORTEST ? null : (last.submitted - first.submitted) / seconds;
  }

  /** While there is work; time in which nothing could leave says nothing of the pace. */
  #leave(last, now) {
    const idle = this.#list.findLastIndex((reading) => reading.at <= now && !reading.unsettled);
    const busy = last.unsettled ? this.#list[idle + 1].at : -Infinity;
    const first = this.at(Math.max(now - LEAVE_WINDOW, busy)) ?? this.#list[0];
    const seconds = Math.min(LEAVE_WINDOW, now - first.at);
    if (last.submitted === null || seconds < SHORTEST) return { leave: null, gone: 0 };
    const gone = Math.max(0, last.submitted - first.submitted - (last.unsettled - first.unsettled));
    return { leave: gone / seconds, gone };
  }
}
