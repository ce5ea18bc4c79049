// Where stations and ways are, for a width: one row of six, or two rows of three. No DOM.
// A way is a list of points that a dot follows; `drawn` is the part of it that is a line, from one edge to another.

const HEIGHT = 72;
const TRAY = 54; // middle of the beads, below a card's top
const EXITS = ["cancelled", "dead", "failed", "done"];
const NAMES = ["client", "gateway", "queue", "worker", "function", "callback"];
export const WIDE = 720;

/** `wide(text)` tells about how wide a text is; `say` gives the texts of the small stations. */
export function layout(width, labelWidth) { return width < WIDE ? narrow(width, labelWidth) : wide(width, labelWidth); }

function card(name, x, y, width) {
  return { name, kind: "card", x, y, width, height: HEIGHT, cx: x + width / 2, cy: y + TRAY, right: x + width, bottom: y + HEIGHT };
}

/** `hub` is where dots lie: at the left end. */
function pill(name, cx, cy, width, height = 24) {
  const x = cx - width / 2;
  return { name, kind: "pill", x, y: cy - height / 2, width, height, cx, cy, right: x + width, bottom: cy + height / 2, hub: x + 13 };
}

function wide(width, labelWidth) {
  const gap = Math.max(34, Math.min(84, width * 0.05));
  const size = (width - 4 - 5 * gap) / 6;
  const top = 58;
  const cards = NAMES.map((name, index) => card(name, 2 + index * (size + gap), top, size));
  const [client, gateway, queue, worker, called, callback] = cards;
  const below = top + HEIGHT;
  const exits = below + 62;
  const side = size * 0.36; // from the middle of a card, past its texts
  const retry = pill("retry", worker.cx, 32, Math.min(size + gap * 0.9, labelWidth("retry") + 76));
  const begin = worker.cx, into = queue.cx + size * 0.12;
  const lease = pill("lease", (begin + into) / 2, below + 24, Math.min(begin - into - 34, labelWidth("lease") + 60), 22);
  const at = { cancelled: queue, dead: worker, failed: called, done: callback };
  const pills = EXITS.map((name) => pill(name, at[name].cx, exits, Math.min(size + gap - 8, labelWidth(name) + 38)));
  const [cancelled, dead, failed, done] = pills;
  const across = (from, to) => ({
    points: [[from.cx, from.cy], [to.cx, to.cy]], drawn: [[from.right + 3, from.cy], [to.x - 3, to.cy]],
  });
  const sync = 9;
  const routes = {
    "client gateway": across(client, gateway),
    "gateway queue": across(gateway, queue),
    "queue worker": across(queue, worker),
    "worker function": across(worker, called),
    "function callback": across(called, callback),
    "gateway function": over([gateway.cx + side, gateway.cy], [called.cx + side, called.cy], sync, [gateway.y, called.y]),
    "function retry": {
      points: [[called.cx - side, called.cy], [called.cx - side, retry.cy], [retry.hub, retry.cy]],
      drawn: [[called.cx - side, called.y], [called.cx - side, retry.cy], [retry.right + 2, retry.cy]], line: "dashed",
    },
    "retry queue": {
      points: [[retry.hub, retry.cy], [queue.cx + side, retry.cy], [queue.cx + side, queue.cy]],
      drawn: [[retry.x - 2, retry.cy], [queue.cx + side, retry.cy], [queue.cx + side, queue.y - 2]], line: "dashed",
    },
    "function lease": {
      points: [[called.cx, called.cy], [worker.cx, worker.cy], [begin, lease.cy], [lease.hub, lease.cy]],
      drawn: [[begin, worker.bottom], [begin, lease.cy], [lease.right + 2, lease.cy]], line: "dotted",
    },
    "lease queue": {
      points: [[lease.hub, lease.cy], [into, lease.cy], [into, queue.cy]],
      drawn: [[lease.x - 2, lease.cy], [into, lease.cy], [into, queue.bottom + 2]], line: "dotted",
    },
    "queue cancelled": down(queue, cancelled, -side),
    "function dead": corner(called, dead, -side, below + 42),
    "function failed": down(called, failed, 0),
    "function done": corner(called, done, side, below + 42),
    "callback done": down(callback, done, 0),
  };
  return { stations: [...cards, retry, lease, ...pills], routes, height: exits + 16 };
}

/** From the bottom of a card to a small station below it. */
function down(from, to, shift) {
  const x = from.cx + shift;
  return { points: [[x, from.cy], [x, to.cy], [to.hub, to.cy]], drawn: [[x, from.bottom], [x, to.y - 2]], line: "thin" };
}

/** From the bottom of a card along `lane` to a small station below another card. */
function corner(from, to, shift, lane) {
  const x = from.cx + shift, into = to.cx - Math.sign(to.cx - from.cx) * 9;
  return {
    points: [[x, from.cy], [x, lane], [into, lane], [into, to.cy], [to.hub, to.cy]],
    drawn: [[x, from.bottom], [x, lane], [into, lane], [into, to.y - 2]], line: "thin",
  };
}

/** Over the top from one card to another. */
function over(from, to, y, [begin, end]) {
  return {
    points: [from, [from[0], y], [to[0], y], to], drawn: [[from[0], begin], [from[0], y], [to[0], y], [to[0], end - 2]],
    line: "sync", text: [from[0] + (to[0] - from[0]) * 0.2, y + 4],
  };
}

function narrow(width, labelWidth) {
  const gap = 20;
  const size = (width - 4 - 2 * gap) / 3;
  const tops = [2, 2 + HEIGHT + 92];
  const cards = NAMES.map((name, index) => {
    const column = index < 3 ? index : 5 - index; // the second row runs back
    return card(name, 2 + column * (size + gap), tops[index < 3 ? 0 : 1], size);
  });
  const [client, gateway, queue, worker, called, callback] = cards;
  const lane = client.bottom;
  const retry = pill("retry", queue.x - gap / 2 - size * 0.12, lane + 26, Math.min(size * 1.02, labelWidth("retry") + 46));
  const lease = pill("lease", queue.x + size * 0.22, lane + 62, Math.min(size * 1.05, labelWidth("lease") + 46), 22);
  const order = ["done", "failed", "dead", "cancelled"];
  const texts = order.map((name) => labelWidth(name) + 12);
  const room = width - 4 - texts.reduce((sum, each) => sum + each, 0);
  const wides = texts.map((each) => each + (room > 4 * 18 + 6 ? 18 : 0)); // with an icon, if there is room
  const free = Math.max(4, (width - 4 - wides.reduce((sum, each) => sum + each, 0)) / 3);
  let x = 2;
  const exits = callback.bottom + 40;
  const pills = order.map((name, index) => {
    const made = pill(name, x + wides[index] / 2, exits, wides[index]);
    x += wides[index] + free;
    if (wides[index] === texts[index]) made.hub = made.x;
    return made;
  });
  const [done, failed, dead, cancelled] = pills;
  const across = (from, to) => {
    const [begin, end] = from.x < to.x ? [from.right + 3, to.x - 3] : [from.x - 3, to.right + 3];
    return { points: [[from.cx, from.cy], [to.cx, to.cy]], drawn: [[begin, from.cy], [end, to.cy]] };
  };
  const main = queue.right - size * 0.09, gate = gateway.x + size * 0.25, back = called.right - size * 0.2;
  const under = (from, to, shift) => corner(from, to, shift, callback.bottom + 14);
  const routes = {
    "client gateway": across(client, gateway),
    "gateway queue": across(gateway, queue),
    "queue worker": { points: [[queue.cx, queue.cy], [main, queue.cy], [main, worker.cy], [worker.cx, worker.cy]], drawn: [[main, queue.bottom + 2], [main, worker.y - 3]] },
    "worker function": across(worker, called),
    "function callback": across(called, callback),
    "gateway function": { points: [[gateway.cx, gateway.cy], [gate, gateway.cy], [gate, called.cy], [called.cx, called.cy]], drawn: [[gate, gateway.bottom], [gate, called.y - 2]], line: "sync" },
    "function retry": { points: [[called.cx, called.cy], [back, called.cy], [back, retry.cy], [retry.hub, retry.cy]], drawn: [[back, called.y], [back, retry.bottom + 2]], line: "dashed" },
    "retry queue": { points: [[retry.hub, retry.cy], [queue.x + size * 0.3, retry.cy], [queue.x + size * 0.3, queue.cy]], drawn: [[retry.right + 2, retry.cy], [queue.x + size * 0.3, retry.cy], [queue.x + size * 0.3, queue.bottom + 2]], line: "dashed" },
    "function lease": { points: [[called.cx, called.cy], [worker.cx, worker.cy], [lease.cx, worker.cy], [lease.cx, lease.cy], [lease.hub, lease.cy]], drawn: [[lease.cx, worker.y], [lease.cx, lease.bottom + 2]], line: "dotted" },
    "lease queue": { points: [[lease.hub, lease.cy], [queue.cx + size * 0.15, lease.cy], [queue.cx + size * 0.15, queue.cy]], drawn: [[queue.cx + size * 0.15, lease.y - 2], [queue.cx + size * 0.15, queue.bottom + 2]], line: "dotted" },
    "queue cancelled": { points: [[queue.cx, queue.cy], [width - 3, queue.cy], [width - 3, exits], [cancelled.hub, exits]], drawn: null },
    "function dead": under(called, dead, size * 0.36),
    "function failed": under(called, failed, 0),
    "function done": under(called, done, -size * 0.36),
    "callback done": down(callback, done, -size * 0.2),
  };
  return { stations: [...cards, retry, lease, ...pills], routes, height: exits + 16 };
}

const VIA = {
  "client queue": ["gateway"], "gateway worker": ["queue"], "queue function": ["worker"],
  "retry worker": ["queue"], "retry function": ["queue", "worker"], "lease worker": ["queue"], "lease function": ["queue", "worker"],
};

/** The points from one station to another; what has no way of its own goes straight, or back along its way. */
export function pointsOf({ stations, routes }, from, to) {
  const way = routes[`${from} ${to}`];
  if (way) return way.points;
  const back = routes[`${to} ${from}`];
  if (back) return [...back.points].reverse();
  const via = VIA[`${from} ${to}`];
  if (via) return [from, ...via].flatMap((name, index) => pointsOf({ stations, routes }, name, [...via, to][index]));
  const [one, other] = [from, to].map((name) => stations.find((station) => station.name === name));
  return [[one.cx, one.cy], [other.cx, other.cy]];
}

/** The path of points, with round corners. */
export function pathOf(points, radius = 9) {
  let path = `M${points[0].join(" ")}`;
  for (let index = 1; index < points.length - 1; index += 1) {
    const [before, here, after] = [points[index - 1], points[index], points[index + 1]];
    const [enter, leave] = [towards(here, before, radius), towards(here, after, radius)];
    path += `L${enter.join(" ")}Q${here.join(" ")} ${leave.join(" ")}`;
  }
  return `${path}L${points.at(-1).join(" ")}`;
}

function towards([x, y], [toX, toY], most) {
  const distance = Math.hypot(toX - x, toY - y) || 1;
  const part = Math.min(most, distance / 2) / distance;
  return [x + (toX - x) * part, y + (toY - y) * part].map((each) => Math.round(each * 10) / 10);
}
