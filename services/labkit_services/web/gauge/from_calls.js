// What the queues were, as far as calls tell: for a recorded run, which has no readings of its queues. No DOM.

import { trackOf } from "../flow/track.js";

const FIGURE = { queue: "depth", retry: "waiting_for_retry", lease: "waiting_for_retry", worker: "in_flight", function: "in_flight", dead: "dead_letters" };
const NONE = { depth: 0, in_flight: 0, waiting_for_retry: 0, dead_letters: 0, redelivered: 0, submitted: 0 };

/** Return [{at, queue}]: each queue after each event of its calls, in order, as api/v1/queues would have it. */
export function queuesOf(calls) {
  const changes = [];
  for (const call of calls) {
    if (!call.queue) continue;
    let before = null;
    for (const stop of trackOf(call, { travels: false }).stops) {
      const figure = FIGURE[stop.station] ?? null;
      changes.push({ at: stop.at, name: call.queue, less: before, more: figure, isNew: stop.station === "queue" && before === null });
      before = figure;
    }
  }
  changes.sort((one, other) => one.at - other.at);
  const states = new Map();
  return changes.map(({ at, name, less, more, isNew }) => {
    const state = { ...(states.get(name) ?? { name, max_inflight: null, workers: [], ...NONE }) };
    if (less) state[less] -= 1;
    if (more) state[more] += 1;
    if (isNew) state.submitted += 1;
    states.set(name, state);
    return { at, queue: state };
  });
}
