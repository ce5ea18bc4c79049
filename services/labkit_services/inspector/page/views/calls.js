// The calls: the flow, the timeline, what became of the selected call, and the log lines that belong to it.

import { fill, h } from "../dom.js";
import { createPlayer } from "../player.js";
import { createFlow } from "../../../web/flow/flow.js";
import { groupsOf, isCounted } from "../../../web/flow/groups.js";
import { createTimeline } from "../../../web/timeline/timeline.js";
import { createDetail } from "./call_detail.js";
import { createCallLog } from "./call_log.js";
import { createEmptyCalls } from "./empty_calls.js";

const EVENTS = "api/v1/calls/events";
const MARKS = new URL("../../../web/marks.json", import.meta.url);
const PAGE = 500;
const MOST = 5_000;
const MOST_STEPS = 20_000;
const TALLY_MS = 100;

export function mount(root, context, route) {
  const view = new CallsView(root, context, route);
  view.start();
  return { update: (next) => view.follow(next), unmount: () => view.unmount() };
}

const keyOf = (call) => `${call.callId}\n${call.function}`;

class CallsView {
  #calls = new Map();
  #ends = [];
  #faults = [];
  #now = 0;
  #record = null;

  constructor(root, context, route) {
    Object.assign(this, { context, route });
    const { words } = context;
    this.search = h("input", {
      type: "search", "data-search": true, autocomplete: "off", spellcheck: "false", placeholder: words("calls.search"),
      "aria-label": words("calls.search"), on: { input: () => this.#filter() },
    });
    this.number = h("span", { role: "status" });
    this.message = h("div");
    this.flowPlace = h("div", { class: "calls-flow" });
    this.player = h("div");
    this.place = h("div", { class: "calls-timeline" });
    this.log = h("div", { class: "calls-log" });
    this.aside = h("aside", { class: "call-detail", "aria-label": words("call.detail"), hidden: true });
    this.main = h("div", { class: "calls-main", hidden: true },
      this.flowPlace, this.player, this.place);
    fill(root, h("div", { class: "calls" },
      h("div", { class: "calls-column" }, h("div", { class: "calls-scroll" }, this.message, this.main), this.log), this.aside));
  }

  async start() {
    const { api, store, words } = this.context;
    const response = await fetch(MARKS);
    const marks = await response.json();
    if (this.unmounted) return;
    this.flow = createFlow(this.flowPlace, {
      words, marks, onFilter: (name) => store.set("callFilter", name), onSelect: (link) => this.#select(link),
    });
    this.timeline = createTimeline(this.place, {
      words, marks, tools: { start: [h("h2", null, this.number)], end: [this.search] },
      onSelect: (link) => this.#select(link), onHover: (link) => this.lines.mark(link?.callId ?? this.#selectedId()),
    });
    this.detail = createDetail(this.aside, this.context, {
      onPoint: (link) => this.timeline.highlight(link?.callId ?? null, link?.attempt ?? null),
      onClose: () => this.context.navigate("calls"),
    });
    this.lines = createCallLog(this.log, this.context, {
      onPoint: (id) => this.timeline.highlight(id), onSelect: (id) => this.#select({ callId: id }),
    });
    this.#ends = [
      store.on("counts", () => this.#tell()),
      store.on("callFilter", () => { this.#filter(); this.#tell(); }),
      store.on("paused", (paused) => this.#setNow(this.timeline.now, !paused)),
      store.on("queues", () => this.#tell()),
      api.listen(EVENTS, {
        hello: () => this.#load(), reset: () => this.#load(), missing: () => this.#load(),
        calls: (event) => this.#changed(event), fault: () => this.#loadFaults(),
        queues: ({ queues }) => queues && store.set("queues", queues),
      }),
    ];
    this.#filter();
  }

  unmount() {
    this.unmounted = true;
    for (const end of this.#ends) end();
    for (const part of [this.flow, this.timeline, this.playing]) part?.destroy();
    this.lines?.stop();
  }

  /** Another call is in the address. */
  follow(route) {
    this.route = route;
    this.#showSelected();
  }

  async #load() {
    const { api, store, words } = this.context;
    try {
      const calls = [];
      let after = "";
      let page;
      do {
        page = await api.get(`api/v1/calls?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`);
        calls.push(...page.calls);
        after = page.next ?? "";
      } while (after && calls.length < MOST && !this.unmounted);
      if (this.unmounted) return;
      this.#calls = new Map(calls.reverse().map((call) => [keyOf(call), call]));
      this.#faults = page.faults ?? [];
      this.#now = page.now;
      store.set("counts", page.counts);
      this.dropped = (page.dropped ?? 0) + (after ? page.total - calls.length : 0);
    } catch (error) {
      this.main.hidden = true;
      return void fill(this.message, h("p", { class: "notice" }, error.isMissing ? words("missing.calls") : error.sentence));
    }
    await Promise.all([this.#loadRecord(), this.#loadQueues()]);
    if (this.unmounted) return;
    this.#setData();
  }

  /** A record of a run is open instead of a lab: nothing changes any more, and it can be played. */
  async #loadRecord() {
    if (!this.context.store.get("isRecord") || this.#record) return;
    try {
      this.#record = await this.context.api.get(`api/v1/record?steps=${MOST_STEPS}`);
    } catch (error) {
      this.context.announce(error.sentence);
    }
  }

  /** The flow tells how many calls run at once: beside those that wait. */
  async #loadQueues() {
    const { api, store } = this.context;
    const answer = await api.get("api/v1/queues").catch(() => null); // the flow does without
    if (answer) store.set("queues", answer.queues);
  }

  #setData() {
    const { store } = this.context;
    const calls = [...this.#calls.values()];
    const live = !store.get("paused") && !this.#record;
    this.#showEmpty();
    this.timeline.setData({ calls, faults: this.#faults, now: this.#now, live });
    this.flow.setData({ calls, faults: this.#faults, now: this.#now, live });
    this.#filter();
    if (this.#record && calls.length && !this.playing) this.#play();
    this.#showSelected();
    this.#tell();
  }

  #play() {
    this.playing = createPlayer(this.player, {
      words: this.context.words, times: this.#record.steps,
      onTime: (now) => {
        this.#now = now;
        this.#setNow(now, false);
        this.tallying ??= setTimeout(() => this.#tally(), TALLY_MS);
      },
    });
  }

  #setNow(now, live) {
    for (const part of [this.timeline, this.flow]) part.setNow(now, { live });
  }

  /** Numbers as they were at the time that is shown; counting all calls is too much for every frame. */
  #tally() {
    this.tallying = null;
    if (this.unmounted) return;
    this.#showSelected();
    this.context.store.set("counts", this.timeline.tally((call, state) => groupsOf(call, state, this.#now)));
  }

  async #loadFaults() {
    try {
      const page = await this.context.api.get("api/v1/calls?limit=1");
      this.#faults = page.faults ?? [];
      for (const part of [this.timeline, this.flow]) part.update([], { faults: this.#faults });
    } catch {
      // The stream's next hello reads everything again.
    }
  }

  #changed({ calls, now }) {
    const isFirst = !this.#calls.size;
    for (const call of calls) this.#calls.set(keyOf(call), call);
    this.#now = now ?? this.#now;
    while (this.#calls.size > MOST) this.#calls.delete(this.#calls.keys().next().value);
    if (isFirst) return this.#setData();
    for (const part of [this.timeline, this.flow]) part.update(calls, { now: this.#now });
    this.#tellNumber();
    if (calls.some((call) => call.callId === this.#selectedId())) this.#showSelected();
  }

  #showEmpty() {
    const isEmpty = !this.#calls.size;
    this.main.hidden = isEmpty;
    if (!isEmpty) this.emptyCalls = null;
    else this.emptyCalls ??= createEmptyCalls(this.context);
    fill(this.message, this.emptyCalls);
  }

  #filter() {
    const name = this.context.store.get("callFilter") ?? null;
    const wanted = this.search.value.trim().toLowerCase();
    const hasText = (call) => `${call.function} ${call.callId} ${call.state}`.toLowerCase().includes(wanted);
    this.accepts = name || wanted ? (call) => (!name || isCounted(name, call)) && (!wanted || hasText(call)) : null;
    this.timeline.setFilter(this.accepts);
    this.#tellNumber();
  }

  #tellNumber() {
    const { words } = this.context;
    const all = this.#calls.size;
    let shown = all;
    if (this.accepts) {
      shown = 0;
      for (const call of this.#calls.values()) if (this.accepts(call)) shown += 1;
    }
    const text = shown === all ? words("calls.number", { n: all }) : words("calls.number_of", { shown, n: all });
    const whole = this.dropped ? `${text} ${words("calls.dropped", { n: this.dropped })}` : text;
    if (this.number.textContent !== whole) this.number.textContent = whole;
  }

  #tell() {
    const { store } = this.context;
    this.flow.setData({
      counts: store.get("counts") ?? {}, filter: store.get("callFilter") ?? null, queues: store.get("queues") ?? [],
    });
  }

  #selectedId() { return this.route.parts[0] ?? null; }

  #select({ callId, function: name }) { this.context.navigate("calls", callId, name); }

  async #showSelected() {
    const id = this.#selectedId();
    const name = this.route.parts[1];
    this.lines?.mark(id);
    if (!this.timeline) return;
    if (id === null) {
      this.timeline.select(null);
      return this.detail.clear();
    }
    const known = name ? this.#calls.get(`${id}\n${name}`) : [...this.#calls.values()].find((call) => call.callId === id);
    const call = known ?? await this.#loadCall(id, name);
    if (!call || this.unmounted || this.#selectedId() !== id) return;
    if (this.shownId !== id) this.timeline.select(id, call.function);
    this.shownId = id;
    if (this.#record) return this.#showAsItWas(call);
    this.detail.show(call, { now: Math.max(this.#now, this.timeline.now) });
  }

  /** A call of a record as it was at the time that is shown: outcome and attempts, too. */
  async #showAsItWas({ callId, function: name }) {
    if (this.asking) return; // while it plays, one request at a time
    this.asking = true;
    const now = this.#now;
    const query = new URLSearchParams({ function: name, at: now });
    const url = `api/v1/calls/${encodeURIComponent(callId)}?${query}`;
    const call = await this.context.api.get(url).catch((error) => error);
    this.asking = false;
    if (this.unmounted) return;
    if (this.#selectedId() === callId) {
      if (call.callId) this.detail.show(call, { now, readOnly: true });
      else if (call.status === 404) this.detail.clear(); // it has not begun yet
      else this.context.announce(call.sentence);
    }
    if (this.#now !== now || this.#selectedId() !== callId) this.#showSelected();
  }

  /** A call that is older than those that are shown. */
  async #loadCall(id, name) {
    if (!this.#calls.size) return null;
    try {
      const call = await this.context.api.get(`api/v1/calls/${encodeURIComponent(id)}${name ? `?function=${encodeURIComponent(name)}` : ""}`);
      return call?.callId ? call : null;
    } catch {
      this.detail.clear();
      return null;
    }
  }
}

