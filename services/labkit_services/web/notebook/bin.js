// A bin in a notebook. settings.options: {bin}.

import { createBin } from "../bin/bin.js";
import { findLab } from "./links.js";

export function mount({ root, words, marks, settings, feed, clock, api, announce, signal }) {
  const name = settings.options.bin;
  const bin = createBin(root, { words, marks, name, announce, send: (...request) => api.send(...request) });
  findLab(settings, { signal }).then(({ page }) => {
    if (!signal.aborted) bin.setPage(`${page}#/bins/${encodeURIComponent(name)}`);
  });
  let stop = null;
  const changed = () => {
    stop?.();
    stop = clock.live ? null : clock.follow((now) => bin.setNow(now));
    if (clock.live) bin.setNow(null);
  };
  const ends = [feed.on(`bin:${name}`, (content) => bin.setData(content)), clock.on(changed)];
  changed();
  return { destroy() { for (const end of ends) end(); stop?.(); bin.destroy(); } };
}
