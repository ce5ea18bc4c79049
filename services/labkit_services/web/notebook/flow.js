// The flow of calls in a notebook. settings.options: {function}.

import { CountsThen } from "../flow/counts.js";
import { createFlow } from "../flow/flow.js";

export function mount({ root, words, marks, settings, feed, clock }) {
  const { function: name = "" } = settings.options ?? {};
  const wanted = (calls) => (name ? calls.filter((call) => call.function === name) : calls);
  const flow = createFlow(root, { words, marks, onFilter: (filter) => flow.setData({ filter }) });
  const counts = new CountsThen();
  const time = () => ({ now: clock.now(), live: clock.live });

  const showCalls = ({ calls, counts: told, faults, now, whole }) => {
    const mine = wanted(calls);
    // Of one function the feed tells no numbers: they are counted.
    counts.update(mine, { counts: name ? null : told, now, whole });
    const shown = counts.at(clock.live ? null : clock.now());
    if (whole) flow.setData({ calls: mine, faults, counts: shown, ...time() });
    else if (clock.live) flow.update(mine, { faults, counts: shown, ...time() });
    else flow.update(mine, { faults, counts: shown });
  };
  let stop = null;
  const changed = () => {
    stop?.();
    stop = clock.live ? null : clock.follow((now) => {
      flow.setNow(now);
      flow.setData({ counts: counts.at(now) });
    });
    if (!clock.live) return;
    flow.setNow(clock.now(), { live: true });
    flow.setData({ counts: counts.at(null) });
  };
  const ends = [
    feed.on("calls", showCalls), feed.on("queues", ({ queues }) => queues && flow.setData({ queues })), clock.on(changed),
  ];
  changed();
  return { destroy() { for (const end of ends) end(); stop?.(); flow.destroy(); } };
}
