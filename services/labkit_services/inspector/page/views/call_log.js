// The last lines of the services' logs below the timeline; a line and its call point at each other.

import { fill, h, visible } from "../dom.js";

const EVENTS = "api/v1/logs/events";
const MOST = 200;
const LINES = "api/v1/logs?service=queue-worker&tail=100";

/** Returns {mark(callId or null), stop()}; `onPoint(callId or null)` and `onSelect(callId)` are called by the lines. */
export function createCallLog(root, { api, words }, { onPoint, onSelect }) {
  const list = h("ol", { class: "call-log", tabindex: "0", "aria-label": words("call_log.title") });
  root.append(list);
  root.hidden = true;
  let marked = null;
  let waiting = [];
  let frame = 0;

  function line({ service, text, call_id: id }) {
    const element = h("li", { data: { call: id ?? "" } }, h("span", { class: "secondary" }, visible(service)), " ", visible(text));
    if (id) {
      element.addEventListener("pointerenter", () => onPoint(id));
      element.addEventListener("pointerleave", () => onPoint(null));
      element.addEventListener("click", () => onSelect(id));
      if (id === marked) element.classList.add("marked");
    }
    return element;
  }

  /** Add what came since the last frame, and stay at the end if the reader was there. */
  function flush() {
    frame = 0;
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    list.append(...waiting.slice(-MOST).map(line));
    waiting = [];
    while (list.childElementCount > MOST) list.firstElementChild.remove();
    root.hidden = !list.childElementCount;
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  function put(lines) {
    waiting.push(...lines.filter((each) => each.service === "queue-worker"));
    if (waiting.length && !frame) frame = requestAnimationFrame(flush);
  }

  async function refresh() {
    try {
      const { lines } = await api.get(LINES);
      fill(list);
      put(lines);
    } catch {
      root.hidden = true; // this inspector has no logs; the timeline does not need them
    }
  }

  const stop = api.listen(EVENTS, {
    hello: refresh, missing: () => { root.hidden = true; },
    line: (event) => put([event]), lines: (event) => put(event.lines),
  });
  return {
    mark(id) {
      if (id === marked) return;
      marked = id;
      let first = null;
      for (const each of list.children) {
        const isMarked = id !== null && each.dataset.call === id;
        each.classList.toggle("marked", isMarked);
        if (isMarked) first ??= each;
      }
      if (first) list.scrollTop = first.offsetTop - list.offsetTop - 20;
    },
    stop() { stop(); cancelAnimationFrame(frame); },
  };
}
