// The readings of one queue over the last minute: what was when, how fast calls come and go. No DOM.

export const KEPT = 60; // seconds
const WINDOW = 10; // seconds over which rates are measured
const SHORTEST = 2;
const FEWEST = 2; // calls that must have gone before a time is estimated

export class Readings {
  #list = [];

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
    while (this.#list.length > 1 && this.#list[1].at < at - KEPT) this.#list.shift();
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
    if (!last.unsettled) return { ...this.#rates(last, now), left: 0 };
    const rates = this.#rates(last, now);
    if (rates.come === null) return { ...rates, left: null };
    if (rates.gone < FEWEST) return { ...rates, left: null };
    return { ...rates, left: rates.leave > rates.come ? last.unsettled / (rates.leave - rates.come) : Infinity };
  }

  #rates(last, now) {
    const unknown = { come: null, leave: null, gone: 0 };
    const first = this.at(now - WINDOW) ?? this.#list[0];
    const from = Math.max(first.at, now - WINDOW), seconds = now - from;
    if (last.submitted === null || seconds < SHORTEST) return unknown;
    const came = last.submitted - first.submitted;
    const gone = Math.max(0, came - (last.unsettled - first.unsettled));
    return { come: came / seconds, leave: gone / seconds, gone };
  }
}
