// The queues: depth, in flight, workers, max_inflight, dead letters.

import { term } from "../components/term.js";
import { showError, toast } from "../components/toast.js";
import { unavailable } from "../components/unavailable.js";
import { fill, h, visible } from "../dom.js";
import { createGauge } from "../../../web/gauge/gauge.js";
import { limitOfEach } from "../../../web/queue_limit.js";
import { applyMarks } from "../../../web/timeline/theme.js";
import { createDeadLetters } from "./queues/dead_letters.js";

const EVENTS = "api/v1/calls/events";
const MARKS = new URL("../../../web/marks.json", import.meta.url);
const FIGURES = ["queue_depth", "in_flight", "waiting_for_retry", "redelivered", "come", "leave"];
const READ_EVERY_MS = 1_000;
const MOST_INFLIGHT = 16;

export function mount(root, context) {
  const { api, store, words } = context;
  const cards = new Map();
  const list = h("div", { class: "queue-cards" });
  const message = h("div");
  fill(root, h("div", { class: "page-head" }, h("h2", null, term(words, "queue", words("nav.queues")))), h("div", { class: "view-body" }, message, list));
  let reading = false;
  fetch(MARKS).then((response) => response.json()).then((marks) => applyMarks(list, marks), (error) => context.announce(String(error)));

  async function read() {
    if (reading || store.get("paused")) return;
    reading = true;
    try {
      show((await api.get("api/v1/queues")).queues);
    } catch (error) {
      fill(message, unavailable(words, "queues", error));
    } finally {
      reading = false;
    }
  }

  function show(queues) {
    store.set("queues", queues);
    fill(message, !queues.length && empty(words));
    for (const [name, card] of cards) {
      if (queues.some((queue) => queue.name === name)) continue;
      card.gauge.destroy();
      card.element.remove();
      cards.delete(name);
    }
    for (const queue of queues) {
      if (!cards.has(queue.name)) {
        const card = createCard(context, queue.name, read);
        cards.set(queue.name, card);
        list.append(card.element);
      }
      cards.get(queue.name).update(queue);
    }
  }

  // Numbers between two events, such as the depth, have no event of their own.
  const timer = setInterval(() => !document.hidden && !message.querySelector(".notice") && read(), READ_EVERY_MS);
  const stop = api.listen(EVENTS, {
    hello: read,
    queues: (event) => (event.queues ? show(event.queues) : read()),
  });
  read();
  return {
    unmount() {
      clearInterval(timer);
      for (const card of cards.values()) card.gauge.destroy();
      stop();
    },
  };
}

const empty = (words) => h("section", { class: "empty" }, h("h3", null, words("queues.empty.title")), h("p", null, words("queues.empty.text")));

function createCard(context, name, read) {
  const { api, words } = context;
  const place = h("div");
  const label = (key) => (words.has(`term.${key}`) ? term(words, key) : h("span", null, words(`gauge.${key}`)));
  const gauge = createGauge(place, { words, label, figures: FIGURES, heading: false });
  const workers = h("ul", { class: "workers" });
  const theory = h("p", { class: "theory" });
  const slider = h("input", { type: "range", min: "1", max: String(MOST_INFLIGHT), "aria-label": `max_inflight: ${name}`, on: { input: preview, change: save } });
  const number = h("input", { type: "number", min: "1", max: "1000", class: "short", "aria-label": words("queues.max_inflight.number", { queue: name }), on: { change: save } });
  const dead = createDeadLetters(context, name, read);
  let shown = null;
  let editing = 0;

  function preview(event) {
    number.value = event.target.value;
    editing = Date.now();
    showTheory(Number(event.target.value));
  }

  async function save(event) {
    const wanted = Number(event.target.value);
    editing = Date.now();
    try {
      await api.put(`api/v1/queues/${encodeURIComponent(name)}`, { max_inflight: wanted });
      context.announce(words("queues.max_inflight.saved", { queue: name, n: wanted }));
    } catch (error) {
      if (error.isMissing) toast(words("missing"), "error");
      else showError(error);
    }
    editing = 0;
    read();
  }

  /** n calls of s seconds, k at a time, take ceil(n/k)·s. */
  function showTheory(k) {
    const n = (shown?.depth ?? 0) + (shown?.in_flight ?? 0);
    const s = shown?.mean_seconds ?? 1;
    const all = k * Math.max(1, shown?.workers.length ?? 1);
    const name = !n ? "queues.theory.none" : shown?.mean_seconds ? "queues.theory.measured" : "queues.theory";
    fill(theory, term(words, "theory", "⌈n/k⌉·s"), " ", words(name, { n, k: all, s: Number(s.toPrecision(2)), time: Number((Math.ceil(n / all) * s).toPrecision(3)) }));
  }

  function update(queue) {
    shown = queue;
    gauge.setData({ queues: [queue], now: Date.now() / 1000 });
    if (Date.now() - editing > 1_500 && document.activeElement !== number) {
      const limit = limitOfEach(queue);
      slider.max = Math.max(MOST_INFLIGHT, limit);
      slider.value = number.value = limit;
      showTheory(limit);
    }
    fill(workers, queue.workers.map((worker) => h("li", { class: "badge", title: words("queues.worker.done", { n: worker.processed }) }, visible(worker.name), " · ", words("queues.worker.runs", { n: worker.in_flight }))),
      !queue.workers.length && h("li", { class: "secondary" }, words("queues.no_worker")));
    dead.update(queue.dead_letters);
  }

  const element = h("section", { class: "queue-card", "aria-label": name, data: { queue: name } },
    h("div", { class: "row" }, h("h3", null, visible(name)), h("span", { class: "space" }), term(words, "queue_worker", words("queues.workers")), workers),
    place,
    h("div", { class: "limit" }, term(words, "max_inflight"), slider, number, theory),
    dead.element);
  return { element, gauge, update };
}
