// The logs in a notebook. settings.options: {services, tail}.

import { createLogs } from "../logs/logs.js";

export function mount({ root, words, marks, settings, feed, clock, announce }) {
  const { services = [], tail = 200 } = settings.options ?? {};
  const topic = services.length ? `logs:${services.join(",")}` : "logs";
  const logs = createLogs(root, { words, marks, announce });

  const show = ({ lines = [], sources = [], dropped = 0, whole }) => {
    logs.addSources(sources);
    const known = logs.model.lines.length;
    if (whole || !known) logs.setLines(lines.slice(-Math.max(tail, known)), dropped);
    else logs.add(lines, dropped);
  };
  let stop = null;
  const changed = () => {
    stop?.();
    stop = clock.live ? null : clock.follow((now) => logs.setNow(now));
    if (clock.live) logs.setNow(null);
  };
  const ends = [feed.on(topic, show), clock.on(changed)];
  changed();
  return { destroy() { for (const end of ends) end(); stop?.(); logs.destroy(); } };
}
