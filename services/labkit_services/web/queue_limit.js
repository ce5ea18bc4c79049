// A queue as GET api/v1/queues gives it.

/** How many calls each of its workers runs at once: max_inflight as it is set. (The queue's own is the sum of all.) */
export function limitOfEach({ max_inflight: all = null, workers = [] }) {
  const limits = workers.map((worker) => worker.max_inflight).filter(Number.isFinite);
  return limits.length ? Math.max(...limits) : all;
}
