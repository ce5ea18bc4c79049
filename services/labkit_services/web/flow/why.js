// What waits and why, and which faults are at work, at a time. No DOM: codes and values, in the order of the way.

import { stationAt } from "./track.js";

const AFTER = 2.5; // seconds that a fault without duration is shown
const STATIONS = { worker: "worker", nats: "queue", gateway: "gateway", inspector: "callback" }; // by a part of the service's name
const DOWN = new Set(["kill", "stop", "restart"]);

/** The station that a fault hits. */
export function stationOfFault({ where, what }) {
  if (what === "down") return "callback"; // a bin that answers with an error
  return Object.entries(STATIONS).find(([part]) => String(where).includes(part))?.[1] ?? "function";
}

/** Faults that are seen at a time: {station, what, label, active}; one that is over is shown a little longer. */
export function faultsAt(faults, now) {
  return faults
    .filter(({ start, end }) => start <= now && now < Math.max(end ?? Infinity, start + AFTER))
    .map((fault) => ({ ...fault, station: stationOfFault(fault), active: fault.end === null || fault.end === undefined || now < fault.end }));
}

/** How many calls all workers run at the same time, or null if that is not known. */
export function placesOf(queues) {
  let sum = 0;
  for (const { workers = [], max_inflight: each } of queues) {
    if (!each) return null;
    sum += workers.length ? workers.reduce((all, worker) => all + (worker.max_inflight ?? each), 0) : each;
  }
  return sum || null;
}

/**
 * Return [{station, code, n, values}]: `n` calls wait at a station for one reason. `queues` are as GET api/v1/queues
 * gives them; they are of now, so `isNow` tells whether the time is.
 */
export function reasonsAt(tracks, now, { faults = [], queues = [], counts = {}, isNow = true } = {}) {
  const found = new Map();
  const worker = hindranceOf(faultsAt(faults, now).filter((fault) => fault.active), queues, isNow);
  const places = placesOf(queues);
  const note = (station, code, values = {}) => {
    const reason = found.get(code) ?? { station, code, n: 0, values };
    found.set(code, reason);
    reason.n += 1;
    if (values.left < reason.values.left) reason.values = values;
  };
  for (const track of tracks.values()) {
    if (now < track.start || now >= track.end) continue;
    const { call } = track;
    if (call.mode === "sync" && track.asked <= now && now < track.answered) note("client", "caller");
    const station = stationAt(track, now);
    if (station === "queue") {
      if (worker) note("queue", worker);
      else if (places !== null && (counts.places ?? 0) >= places) note("queue", "limit", { max: places });
      else note("queue", "free");
    } else if (station === "retry") {
      note("retry", "delay", { left: leftOf(track, now) });
    } else if (station === "lease") {
      note("lease", "lease");
    } else if (call.mode === "async" && worker === "paused" && (station === "function" || station === "worker")) {
      note("worker", "running_paused");
    }
  }
  const order = ["client", "queue", "retry", "lease", "worker"];
  return [...found.values()].sort((one, other) => order.indexOf(one.station) - order.indexOf(other.station));
}

/** What keeps the workers from their work, or null. */
function hindranceOf(faults, queues, isNow) {
  const hits = (station, kinds) => faults.some((fault) => fault.station === station && kinds(fault.what));
  if (hits("queue", (what) => what !== "slow")) return "queue_down";
  if (hits("worker", (what) => what === "pause")) return "paused";
  if (hits("worker", (what) => DOWN.has(what))) return "stopped";
  const none = isNow && queues.length > 0 && queues.every((queue) => typeof queue.max_inflight === "number" && !queue.workers?.length);
  return none ? "no_worker" : null;
}

/** Seconds until a retry's delay is over, never below 0; Infinity if the delay is not known. */
function leftOf({ call, stops }, now) {
  const stop = stops.findLast((each) => each.at <= now);
  const delay = call.attempts?.find((attempt) => attempt.number === stop.attempt)?.retryDelay;
  return typeof delay === "number" ? Math.max(0, stop.at + delay - now) : Infinity;
}
