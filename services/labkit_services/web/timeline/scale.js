// The time axis: real time to positions, with long idle times shortened, and ticks. No DOM.
// Times are Unix seconds. "Axis seconds" are seconds since the origin, less what was left out of idle times.

const STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
  60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000,
];

const MOST_TICKS = 500;

/** Real time to axis seconds. `gaps` are idle periods [{start, end}] in order; each is drawn `kept` seconds long. */
export class Warp {
  constructor(origin, gaps = [], kept = 0) {
    this.origin = origin;
    let left = 0;
    this.gaps = gaps.map(({ start, end }) => {
      const short = Math.min(kept, end - start);
      const gap = { start, end, short, before: left, at: start - origin - left };
      left += end - start - short;
      return gap;
    });
  }

  toAxis(time) {
    const gap = lastAtOrBefore(this.gaps, "start", time);
    if (!gap) return time - this.origin;
    if (time < gap.end) return gap.at + ((time - gap.start) / (gap.end - gap.start)) * gap.short;
    return time - this.origin - gap.before - (gap.end - gap.start - gap.short);
  }

  toTime(axis) {
    const gap = lastAtOrBefore(this.gaps, "at", axis);
    if (!gap) return axis + this.origin;
    const inside = axis - gap.at;
    if (inside < gap.short) return gap.start + (inside / gap.short) * (gap.end - gap.start);
    return gap.end + inside - gap.short;
  }
}

function lastAtOrBefore(list, field, value) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][field] <= value) low = middle + 1; else high = middle;
  }
  return list[low - 1];
}

/** A view of the axis: `from` to `to` in axis seconds, drawn from `left` on, `width` pixels wide. */
export class Scale {
  constructor(warp, from, to, left, width) {
    Object.assign(this, { warp, from, to, left, width });
    this.perSecond = width / Math.max(to - from, 1e-9);
  }

  x(time) { return this.left + (this.warp.toAxis(time) - this.from) * this.perSecond; }

  time(x) { return this.warp.toTime(this.axis(x)); }

  axis(x) { return this.from + (x - this.left) / this.perSecond; }

  /** [{x, label}], at least `apart` pixels from each other, labelled with the time since the origin. */
  ticks(apart = 80) {
    const step = STEPS.find((each) => each * this.perSecond >= apart) ?? STEPS.at(-1);
    const { origin } = this.warp;
    const found = [];
    let reached = -Infinity;
    let since = Math.ceil((this.warp.toTime(this.from) - origin) / step - 1e-9) * step;
    const end = this.warp.toTime(this.to) - origin;
    for (let tries = 0; since <= end + step * 1e-6 && tries < MOST_TICKS; tries += 1) {
      const x = this.x(origin + since);
      if (x - reached >= apart * 0.75) {
        found.push({ x, label: timeLabel(since, step) });
        reached = x;
      }
      const gap = lastAtOrBefore(this.warp.gaps, "start", origin + since);
      const skip = gap && origin + since < gap.end ? Math.floor((gap.end - origin - since) / step) : 0;
      since = Math.round(since / step + Math.max(skip, 1)) * step;
    }
    return found;
  }
}

/** A time since the origin, as exact as the step between two ticks asks for. */
export function timeLabel(seconds, step) {
  const sign = seconds < 0 ? "−" : "";
  const size = Math.abs(seconds);
  if (size < 1e-9) return "0";
  if (size < 1 && step < 0.1) return `${sign}${trim(size * 1000, step < 0.001 ? 1 : 0)} ms`;
  if (size < 120 && step < 60) return `${sign}${trim(size, step < 1 ? Math.ceil(-Math.log10(step) - 1e-9) : 0)} s`;
  const whole = step < 1 ? Math.floor(size + 1e-6) : Math.round(size);
  const rest = step < 1 ? (size - whole).toFixed(Math.ceil(-Math.log10(step) - 1e-9)).slice(1) : "";
  const [hours, minutes, left] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  if (step >= 60 && whole < 7200) return `${sign}${Math.floor(whole / 60)} min`;
  if (step >= 3600) return `${sign}${hours} h`;
  // The sign says that it is not a time of day.
  if (step >= 60) return `${sign || "+"}${hours}:${two(minutes)} h`;
  return `${sign || "+"}${hours ? `${hours}:${two(minutes)}` : minutes}:${two(left)}${rest}`;
}

function trim(number, digits) { return Number(number.toFixed(digits)).toString(); }

/** A duration to three digits: "3 ms", "1.25 s", "2 min 5 s", "1 h 4 min". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "";
  const size = Math.max(0, seconds);
  if (size < 0.0995) return `${Number((size * 1000).toPrecision(size < 0.001 ? 1 : 2))} ms`;
  if (size < 99.95) return `${Number(size.toPrecision(3))} s`;
  const whole = Math.round(size);
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.round(whole / 60);
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}
