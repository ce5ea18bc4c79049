// The control panel: sends calls, changes limits, breaks things, resets the lab. Data in, commands out through `api`.

import { h } from "../dom.js";
import { sayer } from "../timeline/say.js";
import { applyMarks } from "../timeline/theme.js";
import { createAnswers } from "./answers.js";
import { createFaults } from "./faults.js";
import { createLabState } from "./lab_state.js";
import { createLimits } from "./limits.js";
import { createReset } from "./reset.js";
import { createSend } from "./send.js";

const BINS_MS = 3000;

/**
 * Show the panel in `root`. `api.send(method, path, body, {onQueued, onAccepted})`
 * resolves with {status, body}. The topics of the feed come by `setQueues`,
 * `setServices` and `setFunctions`; without a feed, `read()` asks the API.
 */
export function createPanel(root, { words, marks, api, announce = () => {} }) {
  const say = sayer(words);
  const ended = new AbortController();
  const element = h("div", { class: "pn", role: "region", "aria-label": say("panel.title") });
  applyMarks(element, marks);
  const sections = [];
  const changed = () => { for (const each of sections) each.show(); };
  const lab = createLabState({ api, say, changed });
  const parts = { api, say, lab, changed, announce, signal: ended.signal };
  const [send, answers, limits] = [createSend(parts), createAnswers(parts), createLimits(parts)];
  const [faults, reset] = [createFaults(parts), createReset(parts)];
  for (const column of [[send, answers], [limits, reset], [faults]]) {
    sections.push(...column);
    element.append(h("div", { class: "pn-column" }, column.map((each) => each.element)));
  }
  root.append(element);
  changed();
  // No topic has the bins, and any program may make one.
  const isShown = () => !document.hidden && element.checkVisibility();
  const timer = setInterval(() => isShown() && lab.readBins(), BINS_MS);
  const shown = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && lab.readBins());
  shown.observe(element);
  return {
    element,
    setQueues: lab.setQueues,
    setServices: lab.setServices,
    setFunctions: lab.setFunctions,
    read: lab.readAll,
    readFunctions: lab.readFunctions,
    /** What no topic of the feed has. */
    readRest: () => Promise.all([lab.readBins(), lab.readFaults()]),
    destroy() {
      ended.abort();
      clearInterval(timer);
      shown.disconnect();
      element.remove();
    },
  };
}
