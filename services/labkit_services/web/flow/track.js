// The way of one call through the lab, from its spans: stops at stations, each with the time of the event that led
// there and the time in which its dot travels. No DOM. Times are Unix seconds.

export const HOP = 0.45; // seconds that a dot travels from one station to the next
const PASSES = 0.05; // a worker that invokes the function so soon is passed without a stop
const CATCH_UP = 2; // a dot that is this number of seconds behind the events travels at its fastest
const FASTEST = 0.15; // of HOP
export const LINGER = 0.35; // seconds that a dot is seen where its way ends

const FINAL = new Set(["done", "failed", "dead", "cancelled"]);
const WORK = new Set(["works", "fails", "lost", "cancelled"]);
const FAILED = new Set(["fails", "lost"]);

/**
 * Return {call, stops, asked, answered, answer, start, end}. A stop is {station, at, leave, arrive, look}: the event came
 * at `at`, its dot travels from `leave` to `arrive`. `asked` and `answered` bound the caller's wait; `answer` is when
 * the 202 travels back, or null. `end` is Infinity while the call is open.
 */
export function trackOf(call, { travels = true } = {}) {
  const stops = timed(stopsOf(call), travels ? HOP : 0);
  const waits = call.spans?.find((span) => span.kind === "waits");
  const asked = waits?.start ?? Infinity;
  const answered = waits ? waits.end ?? Infinity : asked;
  const last = stops.at(-1);
  const atGateway = stops.find((stop) => stop.station === "gateway");
  const leave = Math.max(answered, atGateway?.arrive ?? answered);
  const isAnswer = call.mode === "async" && Number.isFinite(answered) && travels;
  return {
    call, stops, asked, answered,
    answer: isAnswer ? { leave, arrive: leave + HOP } : null,
    start: Math.min(stops[0]?.at ?? Infinity, asked),
    end: last?.isEnd ? Math.max(last.arrive + LINGER, isAnswer ? leave + HOP : 0) : Infinity,
  };
}

/** The stops by event time only. */
function stopsOf(call) {
  const isSync = call.mode === "sync";
  const stops = [];
  const stop = (station, at, look = "queued", isEnd = false, attempt = null) => stops.push({ station, at, look, isEnd, attempt });
  const spans = (call.spans ?? []).filter((span) => Number.isFinite(span.start));
  const taken = new Set(spans.filter((span) => span.lane === "queue").map((span) => span.start));
  let last = -Infinity, back = null;
  for (const { lane, kind, start, end, attempt } of spans) {
    last = Math.max(last, end ?? start);
    if (kind === "waits") {
      stop("client", start, "waits");
      if (isSync && end !== null) back = end;
    } else if (lane === "gateway") {
      stop("gateway", start, isSync ? "waits" : "queued");
    } else if (lane === "queue") {
      waiting(stop, taken, { kind, start, end, attempt });
    } else if (lane === "function" && WORK.has(kind)) {
      stop("function", start, "works", false, attempt);
      if (end !== null && kind === "cancelled") stop("cancelled", end, "cancelled", true);
      else if (end !== null && isSync) stop("gateway", end, FAILED.has(kind) ? "fails" : "answered");
    } else if (lane === "callback" && kind === "dead") {
      stop("dead", start, "dead", true);
    } else if (lane === "callback" && kind !== "captured") {
      stop("callback", start, kind === "backoff" ? "callback_fails" : kind);
    }
  }
  stops.sort((one, other) => one.at - other.at);
  if (stops.length && stops[0].station !== "client") stops.unshift({ station: "client", at: stops[0].at, look: "waits" });
  return isSync ? answeredAt(stops, back, call) : ended(stops, last, call);
}

function waiting(stop, taken, { kind, start, end, attempt }) {
  if (kind === "dead" || kind === "cancelled") { stop(kind, start, kind, true); return; }
  stop({ queued: "queue", backoff: "retry", lease: "lease" }[kind] ?? "queue", Math.min(start, end ?? start), kind, false, attempt);
  // (Clocks of two processes may disagree: a wait never begins after its end.) Unless it waits on, or was cancelled: then it was given to a worker.
  if (end !== null && !taken.has(end)) stop("worker", end, "works");
}

/** A synchronous call ends where its caller has the answer. */
function answeredAt(stops, back, call) {
  if (back === null) return stops;
  const before = stops.filter((stop, index) => stop.at <= back || !index);
  const look = call.state === "done" ? "answered" : "fails";
  return [...before, { station: "client", at: back, look, isEnd: true }];
}

function ended(stops, last, call) {
  const end = stops.at(-1);
  if (!end || end.isEnd || !FINAL.has(call.state) || !call.settled) return stops;
  return [...stops, { station: call.state, at: Math.max(last, end.at), look: call.state, isEnd: true }];
}

/** Merge stops at one station; a dot leaves when the event came and when it has arrived where it was before. */
function timed(stops, hop) {
  const found = [];
  let ready = -Infinity;
  for (const [index, stop] of stops.entries()) {
    const before = found.at(-1), next = stops[index + 1];
    if (stop.station === "worker" && next?.station === "function" && next.at - stop.at < PASSES) continue;
    if (before?.station === stop.station && !stop.isEnd) { before.later = stop.look; continue; }
    const behind = Math.max(0, ready - stop.at);
    const time = before ? hop * Math.max(FASTEST, 1 - behind / CATCH_UP) : 0;
    const leave = Math.max(stop.at, ready);
    ready = leave + time;
    found.push({ ...stop, leave, arrive: ready, look: look(before, stop) });
  }
  return found;
}

/** How the dot of a call looks on its way to a stop: the result of what was before it. */
function look(before, { station, look: own }) {
  if (before?.station !== "function") return own;
  return { retry: "fails", lease: "lost" }[station] ?? own;
}

/** The place of a dot at a time: {from, to, progress, stop}, {at, since, stop}, or null if there is none. */
export function placeAt(track, now) {
  if (now < track.start || now >= track.end) return null;
  const { stops } = track;
  for (let index = stops.length - 1; index >= 0; index -= 1) {
    const stop = stops[index];
    if (stop.leave > now) continue;
    if (now < stop.arrive) return { from: stops[index - 1].station, to: stop.station, leave: stop.leave, arrive: stop.arrive, stop };
    return stop.isEnd && now >= stop.arrive + LINGER ? null : { at: stop.station, since: stop.arrive, stop };
  }
  return null;
}

/** The station of a call at a time by its events only: what is counted. Null before it began and when it is over. */
export function stationAt(track, now) {
  if (now < track.start) return null;
  const stop = track.stops.findLast((each) => each.at <= now);
  return stop && !stop.isEnd ? stop.station : null;
}
