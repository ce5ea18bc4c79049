// The logs of all services, merged by time: the module of notebooks, fed by the inspector.

import { createLogs } from "../../../web/logs/logs.js";
import { unavailable } from "../components/unavailable.js";
import { fill, h } from "../dom.js";
import { hashOf } from "../router.js";

const EVENTS = "api/v1/logs/events";
const TAIL = 500;
const MARKS = new URL("../../../web/marks.json", import.meta.url);

export function mount(root, context, route) {
  const { api, words, announce } = context;
  const message = h("div", { class: "log-message" });
  const place = h("div", { class: "logs-place" });
  fill(root, h("div", { class: "page-head logs-head" }, h("h2", null, words("nav.logs"))), message, place);
  let logs = null;
  let stop = () => {};
  let search = route.parts[0] ?? "";
  let isOver = false;

  async function begin() {
    const marks = await (await fetch(MARKS)).json();
    if (isOver) return;
    logs = createLogs(place, { words, marks, announce, callHref: (id) => hashOf("calls", id) });
    if (search) logs.search(search);
    stop = api.listen(EVENTS, { hello: read, missing: read, lines: ({ lines, dropped }) => logs.add(lines, dropped) });
  }

  async function read() {
    try {
      const { lines, services = [] } = await api.get(`api/v1/logs?tail=${TAIL}`);
      if (isOver) return;
      fill(message);
      place.hidden = false;
      logs.addSources(services.map((service) => ({ service, kind: "service" })));
      logs.setLines(lines);
    } catch (error) {
      place.hidden = true;
      fill(message, unavailable(words, "logs", error));
    }
  }

  begin().catch((error) => { if (!isOver) fill(message, unavailable(words, "logs", error)); });
  return {
    update(next) {
      search = next.parts[0] ?? search;
      if (next.parts[0]) logs?.search(search);
    },
    unmount() {
      isOver = true;
      stop();
      logs?.destroy();
    },
  };
}
