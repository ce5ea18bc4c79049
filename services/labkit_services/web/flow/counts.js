// The numbers of calls at an earlier time: those of now, less what the calls of the last minute changed since. No DOM.

import { CallTable } from "../timeline/model.js";
import { groupsOf } from "./groups.js";

const EVERY = 0.1; // seconds between two counts of all calls

export class CountsThen {
  #table = new CallTable();
  #told = null;
  #now = 0;
  #before = null; // {at, counts} of the last count

  /** News of calls; `counts` are the numbers of `now`, or null if they are those of the calls alone. */
  update(calls, { counts, now, whole }) {
    if (whole) this.#table.replaceAll(calls);
    else this.#table.update(calls);
    this.#told = counts;
    this.#now = now;
    this.#before = null;
  }

  /** The numbers at a time; null is the newest. */
  at(time) {
    const now = time ?? this.#now;
    if (this.#told && now >= this.#now) return this.#told;
    if (this.#before && Math.abs(now - this.#before.at) < EVERY) return this.#before.counts;
    const then = this.#tally(now);
    if (this.#told) {
      const latest = this.#tally(this.#now);
      for (const [name, told] of Object.entries(this.#told)) then[name] = Math.max(0, told - (latest[name] ?? 0) + (then[name] ?? 0));
    }
    this.#before = { at: now, counts: then };
    return then;
  }

  #tally(now) { return this.#table.tally((call, state) => groupsOf(call, state, now), now); }
}
