// Which numbers count a call: those of the page's strip and of the flow. No DOM.

import { stateOf } from "../timeline/model.js";

/** The numbers, in the order in which a call can pass them. */
export const COUNTS = ["accepted", "queued", "in_flight", "done", "failed", "retrying", "redelivered", "dead", "cancelled", "callbacks"];

// As the server counts; a call may be in several groups.
const SHOWS = {
  accepted: (call) => call.mode === "async" && Boolean(call.times?.queued ?? call.sequence),
  queued: (call) => call.state === "queued",
  in_flight: (call) => ["running", "delivered"].includes(stateOf(call)),
  done: (call) => call.state === "done",
  failed: (call) => call.state === "failed",
  retrying: (call) => stateOf(call) === "retrying",
  redelivered: (call) => call.redeliveries > 0,
  dead: (call) => call.state === "dead" || (Boolean(call.callbackDeadReason) && call.state !== "calling back"),
  cancelled: (call) => call.state === "cancelled",
  callbacks: (call) => (call.callbacks?.length ?? 0) > 0,
};

const REDELIVERED = new Set(["lease"]);
const CALLED_BACK = new Set(["calls_back", "callback_fails"]);

/** Whether a number counts a call. */
export const isCounted = (name, call) => SHOWS[name](call);

/** The numbers that count a call as it was at a time, when it was in `state`; for a run that is played. */
export function groupsOf(call, state, now) {
  const had = (kinds, end) => call.spans.some((span) => kinds.has(span.kind) && (end ? span.end ?? Infinity : span.start) <= now);
  const then = { ...call, state, spans: [], redeliveries: 0, callbacks: [] };
  const groups = COUNTS.filter((name) => SHOWS[name](then));
  if (had(REDELIVERED, true)) groups.push("redelivered");
  if (had(CALLED_BACK, false)) groups.push("callbacks");
  return groups;
}
