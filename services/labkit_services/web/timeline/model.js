// Calls as the timeline needs them: keyed, ordered, each with its bars and moments. No DOM.

import { plain } from "./say.js";

const BARS = new Set([
  "waits", "queued", "backoff", "lease", "works", "fails", "lost", "interrupted", "calls_back", "callback_fails",
]);
const FINAL = new Set(["done", "failed", "dead", "cancelled"]);
const STATE_OF = {
  waits: "sent", queued: "queued", backoff: "retrying", lease: "retrying",
  works: "running", fails: "running", lost: "running", interrupted: "running", calls_back: "calling back", callback_fails: "calling back",
};
const SHORT = 6;
const NUMBERED = /^attempt \d+(: |$)/; // a span has its attempt as a number
const LONGEST_NAME = 80;

/** Ids are unique per function only. */
export const keyOf = (call) => `${call.callId}\n${call.function}`;

/** A function's name without the namespace, never longer than a label can be. */
export function shortName(name) {
  const text = plain(name).replace(/\.openfaas-fn$/, "");
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
}

/** The state of a call as it is shown: no worker has one whose attempt was lost, it waits for the next. */
export function stateOf(call) {
  const waits = call.mode === "async" && (call.state === "running" || call.state === "delivered");
  return waits && call.spans?.some((span) => span.kind === "lease" && span.end === null) ? "retrying" : call.state;
}

/** An attempt that a cancel interrupted is a bar of its own; a cancel in the queue is a moment. */
function kindOf(span) { return span.kind === "cancelled" && span.lane === "function" ? "interrupted" : span.kind; }

function modelOf(call) {
  const bars = [], moments = [];
  let first = Infinity, last = -Infinity, open = !call.settled, captures = 0;
  for (const span of call.spans ?? []) {
    if (!Number.isFinite(span.start)) continue;
    const kind = kindOf(span), label = plain(span.label).replace(NUMBERED, ""), { start } = span;
    // Clocks of two processes may disagree: what ends before its start counts as empty.
    const end = span.end === null || span.end === undefined ? null : Math.max(start, span.end);
    first = Math.min(first, start);
    last = Math.max(last, end ?? start);
    if (BARS.has(kind)) {
      if (end === null) open = true;
      bars.push({ kind, start, end, label, attempt: span.attempt ?? null });
      if (kind === "waits" && end !== null) moments.unshift({ kind: "answered", time: end, label });
      if (kind === "interrupted" && end !== null) moments.push({ kind: "cancelled", time: end, label });
    } else if (kind === "captured") {
      moments.push({ kind, time: start, capture: call.captured?.[captures++] ?? null });
    } else if (kind === "dead" || kind === "cancelled") {
      moments.push({ kind, time: start, label });
    }
  }
  // Bins may tell of a capture that has no span of its own.
  for (const capture of (call.captured ?? []).slice(captures)) {
    const time = typeof capture.time === "number" ? capture.time : Date.parse(capture.time) / 1000;
    if (Number.isFinite(time)) moments.push({ kind: "captured", time, capture });
  }
  bars.sort((one, other) => one.start - other.start);
  return {
    key: keyOf(call), call, bars, moments, open, state: stateOf(call),
    start: Number.isFinite(first) ? first : 0, end: Number.isFinite(last) ? last : 0,
    name: shortName(call.function), short: String(call.callId).slice(0, SHORT),
  };
}

/** The state of a call at a time: what the record says at its end, else by the span that is open. */
export function stateAt(model, now) {
  const { call } = model;
  if (model.open || model.end <= now) return model.state;
  const span = model.bars.findLast((bar) => bar.start <= now && bar.kind !== "waits" && (bar.end ?? Infinity) > now)
    ?? model.bars.findLast((bar) => bar.start <= now);
  if (!span) return "sent";
  if ((span.end ?? Infinity) <= now) return FINAL.has(call.state) ? call.state : "delivered";
  return call.mode === "sync" && span.kind === "waits" ? "running" : STATE_OF[span.kind];
}

const ORDERS = {
  arrival: (one, other) => one.start - other.start,
  newest: (one, other) => other.start - one.start,
  function: (one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : one.start - other.start),
};

/** All calls, and those that are shown, in the order of the rows. */
export class CallTable {
  constructor() {
    this.models = new Map();
    this.rows = [];
    this.order = "arrival";
    this.accepts = null;
    this.until = Infinity;
    this.version = 0; // changes with the calls, see depth.js
    this.stale = true;
    this.grown = false;
    this.arrangement = 0; // changes with the rows
    this.next = Infinity;
    this.index = new Map();
  }

  replaceAll(calls) {
    this.models = new Map(calls.map((call) => modelOf(call)).map((model) => [model.key, model]));
    this.#changed();
  }

  update(calls) {
    for (const call of calls) {
      const model = modelOf(call);
      const before = this.models.get(model.key);
      this.models.set(model.key, model);
      if (!this.stale) this.stale = !this.#place(model, before);
    }
    if (calls.length) this.version += 1;
  }

  /** Put one call where it belongs without sorting all, if that is possible; most updates allow it. */
  #place(model, before) {
    if (model.start > this.until) { this.next = Math.min(this.next, model.start); return !before; }
    const shown = !this.accepts || this.accepts(model.call);
    const at = this.index.get(model.key);
    if (at !== undefined && shown && before.start === model.start) { this.rows[at] = model; return true; }
    if (before || !shown) return at === undefined && !shown;
    if (this.order !== "arrival" || model.start < (this.rows.at(-1)?.start ?? -Infinity)) return false;
    this.index.set(model.key, this.rows.push(model) - 1);
    this.grown = true;
    return true;
  }

  #changed() { this.version += 1; this.stale = true; }

  sortBy(order) { this.order = order; this.stale = true; }

  /** Show only the calls for which `accepts(call)` holds; null shows all. */
  filter(accepts) { this.accepts = accepts; this.stale = true; }

  /** Show only calls that have begun at `now`; of a run that is played, the others come later. */
  showUntil(now) {
    if (now < this.until || now >= this.next) this.stale = true;
    this.until = now;
  }

  /** Bring `rows` up to date; returns the number of their arrangement, which changes with them. */
  refresh() {
    if (this.grown || this.stale) this.arrangement += 1;
    this.grown = false;
    if (!this.stale) return this.arrangement;
    this.stale = false;
    this.next = Infinity;
    this.rows = [];
    for (const model of this.models.values()) {
      if (model.start > this.until) this.next = Math.min(this.next, model.start);
      else if (!this.accepts || this.accepts(model.call)) this.rows.push(model);
    }
    this.rows.sort(ORDERS[this.order]);
    this.index = new Map(this.rows.map((model, index) => [model.key, index]));
    return this.arrangement;
  }

  tally(groups, now) {
    const counts = {};
    for (const model of this.models.values()) {
      if (model.start > now) continue;
      for (const group of groups(model.call, stateAt(model, now))) counts[group] = (counts[group] ?? 0) + 1;
    }
    return counts;
  }

  find(id, name) {
    if (name !== undefined) return this.models.get(`${id}\n${name}`);
    for (const model of this.models.values()) if (model.call.callId === id) return model;
    return undefined;
  }
}
