// The timeline of calls in a notebook. settings.options: {function, last}.

import { createCallTable } from "./call_table.js";
import { createTimeline } from "../timeline/timeline.js";
import { sayer } from "../timeline/say.js";

const ANNOUNCE_MS = 2000;

export function mount({ root, words, marks, settings, feed, clock, reducedMotion, announce, signal }) {
  const { function: name = "", last = 0 } = settings.options ?? {};
  const timeline = createTimeline(root, { words, marks, reducedMotion });
  const table = createCallTable(root, { feed, say: sayer(words), signal, accepts: (call) => !name || call.function === name });
  const say = sayer(words);
  let since = null; // the beginning of the first call that is shown
  let told = 0;

  const wanted = (calls) => calls.filter((call) => (!name || call.function === name) && (since === null || beginOf(call) >= since));
  const show = ({ calls, faults, whole }) => {
    if (whole && since === null && last) since = beginOf(wanted(calls).at(-last)) ?? null;
    const mine = wanted(calls);
    if (whole) timeline.setData({ calls: mine, faults, now: clock.now(), live: clock.live });
    else timeline.update(mine, { faults, ...(clock.live ? { now: clock.now() } : {}) });
    if (!whole) tell(mine);
    table.refresh();
  };
  const tell = (calls) => {
    const done = calls.findLast((call) => call.settled);
    if (!done || Date.now() - told < ANNOUNCE_MS) return;
    told = Date.now();
    announce(say("timeline.tip", { function: done.function, id: done.callId.slice(0, 6), state: say(`state.${done.state}`, {}, done.state) }));
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
  return { destroy() { for (const end of ends) end(); stop?.(); table.destroy(); timeline.destroy(); } };
}

function beginOf(call) { return call?.spans?.[0]?.start; }
