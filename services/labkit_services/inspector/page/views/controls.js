// The control panel: the same module as in a notebook.

import { createPanel } from "../../../web/panel/panel.js";
import { unavailable } from "../components/unavailable.js";
import { fill, h } from "../dom.js";

const EVENTS = "api/v1/calls/events";
const MARKS = new URL("../../../web/marks.json", import.meta.url);
const READ_EVERY_MS = 1_000;

/** The page's API as the panel wants it: every answer has a status, also one that is an error. */
function commands(api) {
  const methods = { GET: api.get, POST: api.post, PUT: api.put, DELETE: api.delete };
  return {
    send: (method, path, body) => methods[method](path, method === "GET" ? undefined : body).then(
      (answer) => ({ status: 200, body: answer }),
      (error) => ({ status: error.status ?? 0, body: error.document ?? { error: error.message } }),
    ),
  };
}

export function mount(root, { api, words, announce }) {
  const body = h("div", { class: "view-body" });
  fill(root, h("div", { class: "page-head" }, h("h2", null, words("nav.controls"))), body);
  const ended = new AbortController();
  let [panel, stop, timer] = [null, () => {}, null];

  async function start() {
    try {
      await api.get("api/v1/services");
      const marks = await (await fetch(MARKS)).json();
      if (ended.signal.aborted) return;
      panel = createPanel(body, { words, marks, api: commands(api), announce });
    } catch (error) {
      if (!ended.signal.aborted) fill(body, unavailable(words, "controls", error));
      return;
    }
    const readAll = () => { panel.read(); panel.readRest(); };
    stop = api.listen(EVENTS, { hello: readAll, queues: panel.setQueues, services: panel.setServices });
    // Functions have no event.
    timer = setInterval(() => !document.hidden && panel.readFunctions(), READ_EVERY_MS);
    readAll();
  }

  start();
  return {
    unmount() {
      ended.abort();
      clearInterval(timer);
      stop();
      panel?.destroy();
    },
  };
}
