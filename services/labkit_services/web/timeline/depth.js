// How many calls were in the queue, in flight, and delivered again, over time. No DOM but the canvas given.

const WAITING = new Set(["queued", "backoff", "lease"]);
const WORKING = new Set(["works", "fails", "lost", "interrupted"]);
export const SERIES = ["queued", "in_flight", "redelivered"];

/** Steps of each series, {times, counts}: a count holds from its time until the next. `given` overrules. */
export function depthOf(models, given = {}) {
  const starts = { queued: [], in_flight: [], redelivered: [] };
  const ends = { queued: [], in_flight: [], redelivered: [] };
  for (const { bars } of models) {
    for (const { kind, start, end } of bars) {
      const series = WAITING.has(kind) ? "queued" : WORKING.has(kind) ? "in_flight" : null;
      if (!series) continue;
      starts[series].push(start);
      if (end !== null) ends[series].push(end);
      // The broker delivers again when a lease is over: counted from then on.
      if (kind === "lease" && end !== null) starts.redelivered.push(end);
    }
  }
  return Object.fromEntries(SERIES.map((name) => [
    name, given?.[name] ? fromPairs(given[name]) : steps(Float64Array.from(starts[name]), Float64Array.from(ends[name])),
  ]));
}

function fromPairs(pairs) {
  return { times: Float64Array.from(pairs, ([time]) => time), counts: Float64Array.from(pairs, ([, count]) => count) };
}

function steps(starts, ends) {
  starts.sort();
  ends.sort();
  const times = [], counts = [];
  let begun = 0, ended = 0;
  while (begun < starts.length || ended < ends.length) {
    const time = Math.min(starts[begun] ?? Infinity, ends[ended] ?? Infinity);
    while (starts[begun] === time) begun += 1;
    while (ends[ended] === time) ended += 1;
    times.push(time);
    counts.push(begun - ended);
  }
  return { times: Float64Array.from(times), counts: Float64Array.from(counts) };
}

/** The number of steps at or before a time. */
function reached(times, time) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1; else high = middle;
  }
  return low;
}

/** The count of a series at a time. */
export function countAt({ times, counts }, time) {
  const index = reached(times, time);
  return index ? counts[index - 1] : 0;
}

/** The highest count between two times. */
export function peak(series, from, to) {
  let most = countAt(series, from);
  for (let index = reached(series.times, from); index < series.times.length && series.times[index] <= to; index += 1) {
    if (series.counts[index] > most) most = series.counts[index];
  }
  return most;
}

/**
 * The path of a step area from x `left` to `right`, no more than two points a pixel: of several steps in one
 * pixel the highest is drawn. `height` pixels high over `bottom` at count `most`. Returns the outline, too.
 */
export function stepArea(series, scale, { left, right, bottom, height, most }) {
  const { times, counts } = series;
  const area = new Path2D(), line = new Path2D();
  const y = (count) => bottom - (count / Math.max(most, 1)) * height;
  let index = reached(times, scale.time(left));
  let count = index ? counts[index - 1] : 0;
  area.moveTo(left, bottom);
  area.lineTo(left, y(count));
  line.moveTo(left, y(count));
  while (index < times.length) {
    const x = Math.max(left, scale.x(times[index]));
    if (x > right) break;
    const pixel = Math.floor(x) + 1;
    let highest = counts[index], last = counts[index];
    index += 1;
    for (; index < times.length && scale.x(times[index]) < pixel; index += 1) {
      last = counts[index];
      if (last > highest) highest = last;
    }
    for (const path of [area, line]) {
      path.lineTo(x, y(count));
      path.lineTo(x, y(highest));
      if (last !== highest) { path.lineTo(pixel, y(highest)); path.lineTo(pixel, y(last)); }
    }
    count = last;
  }
  for (const path of [area, line]) path.lineTo(right, y(count));
  area.lineTo(right, bottom);
  area.closePath();
  return { area, line };
}

/**
 * Periods of at least `shortest` seconds in which nothing was done for any call, not even waiting: a dead letter
 * may be redriven much later. `busyUntil` is the end of the last call, Infinity while one is open.
 */
export function idlePeriods(models, shortest) {
  const extents = [];
  for (const { start, end, open, bars } of models) {
    if (!open && !bars.length) extents.push([start, end]);
    for (const bar of bars) extents.push([bar.start, bar.end ?? Infinity]);
    if (open) extents.push([bars.at(-1)?.end ?? bars.at(-1)?.start ?? start, Infinity]);
  }
  extents.sort((one, other) => one[0] - other[0]);
  const gaps = [];
  let busyUntil = extents[0]?.[0] ?? Infinity;
  for (const [start, end] of extents) {
    if (start - busyUntil >= shortest) gaps.push({ start: busyUntil, end: start });
    if (end > busyUntil) busyUntil = end;
  }
  return { gaps, busyUntil };
}
