// Calls in words: the sentence for a screen reader, the lines of a tooltip.

import { stateAt } from "./model.js";
import { plain } from "./say.js";
import { duration } from "./scale.js";

const LONGEST = 160;
const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** Seconds per kind of span, in the order in which they happened. */
export function totals(model, now) {
  const found = new Map();
  for (const { kind, start, end } of model.bars) {
    if (start <= now) found.set(kind, (found.get(kind) ?? 0) + Math.min(end ?? now, now) - start);
  }
  return found;
}

/** "figlet 3de1c9, asynchronous: done. waits for a free worker 3.2 s, the function works 1 s." */
export function sentence(say, model, now) {
  const told = [...totals(model, now)].map(([kind, time]) =>
    say("timeline.part", { what: say(`span.${kind}`), time: duration(time) }));
  for (const moment of model.moments) {
    if (moment.kind !== "answered" && moment.time <= now) told.push(momentText(say, moment));
  }
  const values = {
    function: cut(model.name), id: model.short, mode: say(`mode.${model.call.mode ?? "unknown"}`),
    state: say(`state.${stateAt(model, now)}`), parts: told.join(say("timeline.join")),
  };
  return say("timeline.row", values);
}

export function momentText(say, moment) {
  const bin = moment.capture?.bin;
  return bin === undefined ? say(`span.${moment.kind}`) : say("timeline.captured_in", { bin: cut(plain(bin)) });
}

/** The lines about one bar or moment: what, how long, from when to when. `origin` is the axis's zero. */
export function partLines(say, part, origin, now) {
  const { bar, moment } = part;
  const at = (time) => say("timeline.at", { time: duration(Math.max(0, time - origin)) });
  if (moment) return [momentText(say, moment), at(moment.time), ...(moment.label ? [cut(moment.label)] : [])];
  const end = Math.min(bar.end ?? now, now);
  const lines = [say("timeline.part", { what: say(`span.${bar.kind}`), time: duration(end - bar.start) })];
  lines.push(say(bar.end === null ? "timeline.since" : "timeline.from_to", {
    from: duration(bar.start - origin), to: duration(end - origin),
  }));
  if (bar.attempt !== null) lines.push(say("timeline.attempt", { number: bar.attempt }));
  if (bar.label) lines.push(cut(bar.label));
  return lines;
}

/** What `onHover` and `onSelect` tell of a call and a part of it. */
export function linkOf(model, part) {
  const { callId, function: name } = model.call;
  const capture = part?.moment?.capture ?? null;
  return {
    callId, function: name, attempt: part?.bar?.attempt ?? null, kind: part?.bar?.kind ?? part?.moment?.kind ?? null,
    capture: capture && { bin: capture.bin, id: capture.id },
  };
}
