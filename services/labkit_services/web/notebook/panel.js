// The control panel in a notebook: live values from the feed, commands through `api`.

import { createPanel } from "../panel/panel.js";

export function mount({ root, words, marks, feed, api, announce }) {
  const panel = createPanel(root, { words, marks, api, announce });
  const ends = [
    feed.on("queues", panel.setQueues),
    feed.on("services", panel.setServices),
    feed.on("functions", panel.setFunctions),
    feed.on("reset", panel.readRest),
  ];
  panel.readRest();
  return {
    destroy() {
      for (const end of ends) end();
      panel.destroy();
    },
  };
}
