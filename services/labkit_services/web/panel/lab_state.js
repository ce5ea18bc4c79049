// What the panel knows of the lab: from the feed's topics where they are, else from the API.

import { ask } from "./command.js";

const WORKER = /^queue-worker(-\d+)?$/;
const MOST_WORKERS = 16;

/** `changed()` is called after every change. A part that could not be read is null. */
export function createLabState({ api, say, changed }) {
  const lab = {
    queues: null,
    services: null,
    functions: null,
    workers: null,
    maxInflight: null, // of the default queue, also while no worker is there
    lastReset: null,
    faults: [],
    clockOffset: 0, // seconds that the browser's clock is ahead of the lab's
    bins: null,
    functionName: () => "",
    functionNamed: (name) => lab.functions?.find((each) => each.name === name),

    setQueues(document) {
      lab.queues = document.queues ?? null;
      changed();
    },
    setServices(document) {
      lab.services = document.services ?? null;
      const count = lab.services?.filter(({ name }) => WORKER.test(name)).length;
      lab.workers = document.workers ?? (lab.services && { count, most: MOST_WORKERS });
      lab.maxInflight = document.max_inflight ?? null;
      if (document.last_reset) lab.lastReset = document.last_reset;
      const faults = JSON.stringify(document.faults ?? []);
      if (faults !== faultsSeen) {
        faultsSeen = faults;
        lab.readFaults();
      }
      changed();
    },
    setFunctions(document) {
      lab.functions = document.functions ?? null;
      changed();
    },
    readQueues: () => read("api/v1/queues", lab.setQueues),
    readServices: () => read("api/v1/services", lab.setServices),
    readFunctions: () => read("api/v1/functions", lab.setFunctions),
    readFaults: () => read("api/v1/faults?history=false", ({ faults, now }) => {
      lab.faults = faults ?? [];
      if (now) lab.clockOffset = Date.now() / 1000 - now;
      changed();
    }),
    readBins: () => read("api/v1/bins", ({ bins }) => {
      lab.bins = bins ?? null;
      changed();
    }),
    readAll: () => Promise.all([lab.readQueues(), lab.readServices(), lab.readFunctions(), lab.readBins()]),
  };
  let faultsSeen = null;
  const reading = new Set();

  /** Read one document; not while the same is being read. A failure makes the part unknown. */
  async function read(path, use) {
    if (reading.has(path)) return;
    reading.add(path);
    try {
      use(await ask(api, say, "GET", path));
    } catch {
      use({}); // shown as "not known"; a command's own error is shown beside its control
    } finally {
      reading.delete(path);
    }
  }

  return lab;
}
