// Where the nodes and arrows of the flow are, for a width: one row of six, or two rows of three. No DOM.

const HEIGHT = 46;
const MIDDLE = HEIGHT / 2;
const NAMES = ["client", "gateway", "queue", "worker", "function", "callback"];
const COUNTS = { queue: "queued", function: "in_flight", callback: "callbacks" }; // nodes that show a count

export function layout(width) { return width < 620 ? narrow(width) : wide(width); }

function box(name, x, y, width) { return { name, count: COUNTS[name], x, y, width, height: HEIGHT }; }

function wide(width) {
  const gap = Math.max(44, Math.min(90, width * 0.07));
  const size = (width - 16 - 5 * gap) / 6;
  const top = 46;
  const nodes = NAMES.map((name, index) => box(name, 8 + index * (size + gap), top, size));
  const [client, gateway, queue, worker, called, callback] = nodes;
  const line = top + MIDDLE;
  const across = (from, to, more = {}) => ({ path: `M${from.x + size} ${line}H${to.x - 2}`, end: [to.x - 1, line], ...more });
  const below = top + HEIGHT;
  const middle = (node) => node.x + size / 2;
  const down = (count, x, labelX = x) => ({
    count, towards: 90, path: `M${x} ${below}V${below + 18}`, end: [x, below + 18], labelX, labelY: below + 34,
  });
  const back = middle(queue) + size / 4;
  const edges = [
    across(client, gateway, { count: "accepted", labelX: (client.x + size + gateway.x) / 2, labelY: top - 8 }),
    across(gateway, queue, { pulses: "queued" }),
    across(queue, worker),
    across(worker, called, { pulses: "in_flight" }),
    across(called, callback, { pulses: "callbacks" }),
    { // back over the top: an attempt failed, the next one is scheduled
      count: "retrying", line: "dashed", towards: 90, end: [back, top - 1],
      path: `M${middle(called) - size / 4} ${top}V19H${back}V${top - 2}`, labelX: middle(worker), labelY: 13,
    },
    { // back below: an attempt was lost, the broker delivers again
      count: "redelivered", line: "dotted", towards: -90, end: [back, below + 1],
      path: `M${middle(worker)} ${below}V${below + 18}H${back}V${below + 2}`, labelX: (middle(worker) + back) / 2, labelY: below + 34,
    },
    down("dead", middle(called) - size / 3, middle(called) - size / 2),
    down("failed", middle(called) + size / 3, middle(called) + size / 2 + 4),
    down("cancelled", middle(queue) - size / 4),
    down("done", middle(callback)),
  ];
  return { nodes, edges, height: below + 42 };
}

function narrow(width) {
  const gap = 22;
  const size = (width - 8 - 2 * gap) / 3;
  const tops = [30, 148];
  const nodes = NAMES.map((name, index) => {
    const column = index < 3 ? index : 5 - index; // the second row runs back
    return box(name, 4 + column * (size + gap), tops[index < 3 ? 0 : 1], size);
  });
  const [client, gateway, queue, worker, called, callback] = nodes;
  const middle = (node) => node.x + size / 2;
  const [first, second] = tops.map((top) => top + MIDDLE);
  const below = tops[1] + HEIGHT;
  const edges = [
    { path: `M${client.x + size} ${first}H${gateway.x - 2}`, end: [gateway.x - 1, first], count: "accepted",
      labelX: (client.x + size + gateway.x) / 2, labelY: tops[0] - 8 },
    { path: `M${gateway.x + size} ${first}H${queue.x - 2}`, end: [queue.x - 1, first], pulses: "queued" },
    { path: `M${middle(queue) + size / 4} ${tops[0] + HEIGHT}V${tops[1] - 2}`, end: [middle(queue) + size / 4, tops[1] - 1], towards: 90 },
    { path: `M${worker.x} ${second}H${called.x + size + 2}`, end: [called.x + size + 1, second], towards: 180, pulses: "in_flight" },
    { path: `M${called.x} ${second}H${callback.x + size + 2}`, end: [callback.x + size + 1, second], towards: 180, pulses: "callbacks" },
    { count: "retrying", line: "dashed", towards: 0, end: [queue.x - 1, first + 14],
      path: `M${middle(called) - size / 4} ${tops[1]}V${first + 14 + 34}H${queue.x - 10}V${first + 14}H${queue.x - 2}`,
      labelX: middle(called), labelY: first + 14 + 28 },
    { count: "redelivered", line: "dotted", towards: -90, end: [middle(queue) - size / 4, tops[0] + HEIGHT + 1],
      path: `M${middle(worker) - size / 4} ${tops[1]}V${tops[0] + HEIGHT + 2}`, labelX: middle(queue), labelY: tops[1] - 24 },
    { count: "dead", towards: 90, end: [middle(called), below + 22], path: `M${middle(called)} ${below}V${below + 22}`,
      labelX: middle(called), labelY: below + 38 },
    { count: "failed", towards: 90, end: [middle(worker), below + 22], path: `M${called.x + size * 0.8} ${below}V${below + 12}H${middle(worker)}V${below + 22}`,
      labelX: middle(worker), labelY: below + 38 },
    { count: "done", towards: 90, end: [middle(callback), below + 22], path: `M${middle(callback)} ${below}V${below + 22}`,
      labelX: middle(callback), labelY: below + 38 },
  ];
  return { nodes, edges, height: below + 48 };
}
