// What is at a place of a row. No DOM.

const NEAR = 5; // pixels

/** The bar or moment of a row at x: {bar} or {moment}, or null. `line` is "client" or "work". */
export function hit(model, scale, x, now, line) {
  for (const moment of model.moments) {
    const lane = moment.kind === "answered" ? "client" : "work";
    if (moment.time <= now && lane === line && Math.abs(scale.x(moment.time) - x) <= NEAR) return { moment };
  }
  let best = null, distance = NEAR;
  for (const bar of model.bars) {
    if (bar.start > now || (bar.kind === "waits") !== (line === "client")) continue;
    const from = scale.x(bar.start), to = scale.x(Math.min(bar.end ?? now, now));
    const off = Math.max(from - x, x - to, 0);
    if (off < distance || (off === 0 && best)) [best, distance] = [bar, off];
  }
  return best && { bar: best };
}

/** Everything of a row by time, for stepping through it with the keyboard. */
export function parts(model, now) {
  const found = [
    ...model.bars.map((bar) => ({ bar, time: bar.start })),
    ...model.moments.map((moment) => ({ moment, time: moment.time })),
  ];
  return found.filter((each) => each.time <= now).sort((one, other) => one.time - other.time);
}
