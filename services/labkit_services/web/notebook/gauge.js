// The figures of the lab's queues in a notebook. settings.options: {queue}.

import { createGauge } from "../gauge/gauge.js";

export function mount({ root, words, marks, settings, feed, clock }) {
  const { queue: name = "" } = settings.options ?? {};
  const gauge = createGauge(root, { words, marks });
  const show = ({ queues }) => {
    if (queues) gauge.setData({ queues: queues.filter((queue) => !name || queue.name === name), now: feed.now(), live: clock.live });
  };
  let stop = null;
  const changed = () => {
    stop?.();
    stop = clock.live ? null : clock.follow((now) => gauge.setNow(now));
    if (clock.live) gauge.setNow(clock.now(), { live: true });
  };
  const record = ({ calls, whole }) => { if (clock.recorded && whole) gauge.setRecord(calls); };
  const ends = [feed.on("queues", show), feed.on("calls", record), clock.on(changed)];
  changed();
  return { destroy() { for (const end of ends) end(); stop?.(); gauge.destroy(); } };
}
