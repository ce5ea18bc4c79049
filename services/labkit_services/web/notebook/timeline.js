// The timeline of calls in a notebook. settings.options: {function, last}.

import { createTimeline } from "../timeline/timeline.js";

export function mount({ root, words, marks, settings, feed, clock, reducedMotion }) {
  const { function: name = "", last = 0 } = settings.options ?? {};
  const timeline = createTimeline(root, { words, marks, reducedMotion });
  const wanted = (calls) => (name ? calls.filter((call) => call.function === name) : calls);

  const show = ({ calls, faults, whole }) => {
    const mine = wanted(calls);
    if (whole) timeline.setData({ calls: last ? mine.slice(-last) : mine, faults, now: clock.now(), live: clock.live });
    else if (clock.live) timeline.update(mine, { faults, now: clock.now() });
    else timeline.update(mine, { faults });
  };
  let stop = null;
  const changed = () => {
    stop?.();
    // Live, the timeline draws by itself, and only when something has moved by a pixel.
    stop = clock.live ? null : clock.follow((now) => timeline.setNow(now));
    if (clock.live) timeline.setNow(clock.now(), { live: true });
  };
  const ends = [feed.on("calls", show), clock.on(changed)];
  changed();
  return { destroy() { for (const end of ends) end(); stop?.(); timeline.destroy(); } };
}
