// Three numbers that decide how many calls run at once: max_inflight, queue-workers, replicas.

import { limitOfEach } from "../queue_limit.js";
import { plain } from "../timeline/say.js";
import { ask } from "./command.js";
import { choice, field, section } from "./parts.js";
import { createSlider } from "./slider.js";

const DEFAULT_QUEUE = "faas-request";
const MOST_INFLIGHT = 20;
const MOST_REPLICAS = 10;

/** `lab` has what is known of the lab; `lab.functionName()` is the function that is chosen. */
export function createLimits({ api, say, lab }) {
  const queue = choice(() => show());
  const queuePath = () => `api/v1/queues/${encodeURIComponent(queue.value)}`;
  const inflight = createSlider(say, "max_inflight", {
    most: MOST_INFLIGHT,
    apply: async (value, options) => limitOfEach(await ask(api, say, "PUT", queuePath(), { max_inflight: value }, options)),
  });
  const workers = createSlider(say, "workers", {
    most: 16,
    apply: async (value, options) => (await ask(api, say, "PUT", "api/v1/workers", { count: value }, options)).count,
  });
  const replicas = createSlider(say, "replicas", {
    values: () => ({ function: plain(lab.functionName() || "echo") }),
    least: 0,
    most: MOST_REPLICAS,
    apply: async (value, options) => {
      const path = `api/v1/functions/${encodeURIComponent(lab.functionName())}`;
      return (await ask(api, say, "PUT", path, { replicas: value }, options)).replicas;
    },
  });
  const queueField = field(say, "queue", queue.element);
  const element = section(say, "limits", queueField, inflight.element, workers.element, replicas.element);
  let shownFunction = "";
  const inflightOf = new Map(); // the newest that a worker has reported, by queue

  function show() {
    const queues = lab.queues ?? [];
    queueField.hidden = queues.length < 2;
    queue.offer(queues.map(({ name }) => [name, plain(name)]), DEFAULT_QUEUE);
    // Of a queue whose workers are all away, the gateway reports 0.
    for (const each of queues) if (limitOfEach(each)) inflightOf.set(each.name, limitOfEach(each));
    const limit = lab.queues && (inflightOf.get(queue.value) ?? (queue.value === DEFAULT_QUEUE ? lab.maxInflight : null));
    if (limit) inflight.setReal(limit, MOST_INFLIGHT);
    else inflight.setUnknown();
    if (lab.workers) workers.setReal(lab.workers.count, lab.workers.most);
    else workers.setUnknown();
    const found = lab.functionNamed(lab.functionName());
    if (found?.name !== shownFunction) replicas.clear();
    shownFunction = found?.name ?? "";
    if (found) replicas.setReal(found.replicas, MOST_REPLICAS);
    else replicas.setUnknown();
  }

  return { element, show };
}
