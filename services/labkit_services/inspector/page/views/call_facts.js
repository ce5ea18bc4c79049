// What the record of a call says, worked out for display: durations, and events with their offsets. No DOM.

const WAITING = { queued: "queue", backoff: "backoff", lease: "lease" };
const WORKING = new Set(["works", "fails", "lost"]);

/** The call's first moment, a Unix time in seconds. */
export const beginOf = (call) => Math.min(...call.spans.map((span) => span.start));

/** A time as an offset to the call's first moment: "+3.520". */
export function offset(call, time) {
  const begin = call.spans?.length ? beginOf(call) : time;
  const seconds = time - begin;
  return `${seconds < 0 ? "−" : "+"}${Math.abs(seconds).toFixed(3)}`;
}

/**
 * Where the time went: {rows: [{name, seconds, note, open}], reported, leftOut}. `reported` is what the header
 * X-Duration-Seconds says, which is the last attempt only; `leftOut` is what that leaves out.
 */
export function durationsOf(call, now) {
  const sums = { caller: null, queue: null, backoff: null, lease: null, worked: null, callback: null };
  const isOpen = {};
  const add = (name, span) => {
    sums[name] = (sums[name] ?? 0) + Math.max(0, (span.end ?? now) - span.start);
    if (span.end === null) isOpen[name] = true;
  };
  for (const span of call.spans ?? []) {
    if (span.kind === "waits") add("caller", span);
    else if (WAITING[span.kind]) add(WAITING[span.kind], span);
    else if (WORKING.has(span.kind) || (span.kind === "cancelled" && span.lane === "function")) add("worked", span);
    else if (span.kind === "calls_back" || span.kind === "callback_fails") add("callback", span);
  }
  const rows = Object.entries(sums).filter(([, seconds]) => seconds !== null)
    .map(([name, seconds]) => ({ name, seconds, open: isOpen[name] ?? false, note: name === "callback" ? answerOf(call) : "" }));
  const ends = (call.spans ?? []).map((span) => span.end ?? now);
  if (ends.length) {
    rows.push({ name: "end_to_end", seconds: Math.max(...ends) - beginOf(call), open: !call.settled, note: "" });
  }
  const last = (call.attempts ?? []).at(-1);
  const reported = last?.ran ?? null;
  const leftOut = [];
  for (const name of ["queue", "backoff", "lease", "callback"]) {
    if (sums[name] > 0.0005) leftOut.push({ name, seconds: sums[name] });
  }
  if (reported !== null && sums.worked - reported > 0.0005 && call.attempts.length > 1) {
    leftOut.unshift({ name: "earlier", seconds: sums.worked - reported });
  }
  return { rows, reported, leftOut };
}

function answerOf(call) {
  const last = call.callbacks?.at(-1);
  return last ? String(last.status ?? last.error ?? "") : "";
}

/** [{time, kind, text, attempt, link}] in the order of time; `words` is the catalogue. */
export function eventsOf(call, words, now) {
  const events = [];
  const put = (time, kind, text, more = {}) => { if (Number.isFinite(time)) events.push({ time, kind, text, attempt: null, ...more }); };
  let captures = 0;
  for (const span of call.spans ?? []) {
    const { start, end, kind, attempt, label } = span;
    const about = { number: attempt ?? "", label: (label || "").replace(/^attempt \d+(: |$)/, "") || "–", queue: call.queue ?? "", seq: call.sequence ?? "" };
    if (kind === "waits") {
      put(start, "sent", words("event.sent"));
      if (end !== null) put(end, "answered", words("event.answered", about));
    } else if (kind === "queued") {
      const isFirst = !events.some((each) => each.kind === "queued");
      put(start, "queued", words(isFirst ? "event.queued" : "event.requeued", about));
    } else if (kind === "backoff") {
      put(start, "backoff", words("event.backoff", about), { attempt });
    } else if (kind === "lease") {
      put(start, "lease", words("event.lease", about), { attempt });
    } else if (WORKING.has(kind)) {
      put(start, "works", words("event.started", about), { attempt });
      if (end !== null) put(end, kind, words(`event.${kind}`, about), { attempt });
    } else if (kind === "calls_back" || kind === "callback_fails") {
      put(start, "calls_back", words("event.callback"));
      if (end !== null) put(end, kind, words(`event.${kind}`, about));
    } else if (kind === "captured") {
      put(start, "captured", words("event.captured"), { link: call.captured?.[captures++] });
    } else if (kind === "dead" || kind === "cancelled") {
      put(start, kind, words(`event.${kind}`, about));
    }
  }
  return events.filter((each) => each.time <= now + 0.001).sort((one, other) => one.time - other.time);
}
