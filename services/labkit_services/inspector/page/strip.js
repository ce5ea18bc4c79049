// The strip of numbers on top of every view: what became of the calls. Each number is a filter of the calls.

import { explain } from "./components/term.js";
import { h } from "./dom.js";
import { stateOf } from "../../web/timeline/model.js";

/** The numbers, in the order in which a call can pass them. */
export const COUNTS = ["accepted", "queued", "in_flight", "done", "failed", "retrying", "redelivered", "dead", "cancelled", "callbacks"];

// As the server counts; a call may be in several groups.
const SHOWS = {
  accepted: (call) => call.mode === "async" && Boolean(call.times?.queued ?? call.sequence),
  queued: (call) => call.state === "queued",
  in_flight: (call) => ["running", "delivered"].includes(stateOf(call)),
  done: (call) => call.state === "done",
  failed: (call) => call.state === "failed",
  retrying: (call) => stateOf(call) === "retrying",
  redelivered: (call) => call.redeliveries > 0,
  dead: (call) => call.state === "dead" || (Boolean(call.callbackDeadReason) && call.state !== "calling back"),
  cancelled: (call) => call.state === "cancelled",
  callbacks: (call) => (call.callbacks?.length ?? 0) > 0,
};

/** Whether a number counts a call. */
export const isCounted = (name, call) => SHOWS[name](call);

const REDELIVERED = new Set(["lease"]);
const CALLED_BACK = new Set(["calls_back", "callback_fails"]);

/** The numbers that count a call as it was at a time, when it was in `state`; for a run that is played. */
export function groupsOf(call, state, now) {
  const had = (kinds, end) => call.spans.some((span) => kinds.has(span.kind) && (end ? span.end ?? Infinity : span.start) <= now);
  const then = { ...call, state, spans: [], redeliveries: 0, callbacks: [] };
  const groups = COUNTS.filter((name) => SHOWS[name](then));
  if (had(REDELIVERED, true)) groups.push("redelivered");
  if (had(CALLED_BACK, false)) groups.push("callbacks");
  return groups;
}

/** Keep the store's `counts` up to date on every view; returns a function that ends it. */
export function followCounts(api, store) {
  async function refresh() {
    try {
      const { counts, total } = await api.get("api/v1/calls?limit=1");
      store.set("counts", counts);
      store.set("callTotal", total);
    } catch {
      store.set("counts", null); // no event log: the strip shows dashes
    }
  }
  return api.listen("api/v1/calls/events", {
    hello(event) {
      if (event.record && !store.get("isRecord")) store.set("isRecord", true); // a recorded run instead of a lab
      refresh();
    },
    reset: refresh, missing: refresh,
    calls({ counts, total }) {
      if (counts) store.set("counts", counts);
      if (total !== undefined) store.set("callTotal", total);
    },
  });
}

/** Returns {setData({counts}), setFilter(name or null), destroy()}; `onFilter(name or null)` is called on a click. */
export function createStrip(root, { words, onFilter }) {
  let filter = null;
  const numbers = Object.fromEntries(COUNTS.map((name) => [name, h("b", null, "–")]));
  const labels = Object.fromEntries(COUNTS.map((name) => [name, h("span", null, words(`count.${name}`, { n: 0 }))]));
  const buttons = Object.fromEntries(COUNTS.map((name) => [name, explain(
    h("button", {
      type: "button", class: "strip-number", "aria-pressed": "false", data: { count: name },
      on: { click: () => onFilter(filter === name ? null : name) },
    }, numbers[name], labels[name]),
    words(`count.${name}.help`),
  )]));
  const element = h("div", { class: "strip" }, Object.values(buttons));
  root.append(element);
  return {
    setData({ counts: given }) {
      for (const name of COUNTS) {
        const text = given ? String(given[name] ?? 0) : "–";
        if (numbers[name].textContent === text) continue;
        const grew = Number(text) > Number(numbers[name].textContent);
        numbers[name].textContent = text;
        labels[name].textContent = words(`count.${name}`, { n: given?.[name] ?? 0 });
        buttons[name].classList.toggle("some", Number(text) > 0);
        if (grew) beacon(buttons[name]);
      }
    },
    setFilter(name) {
      filter = name;
      for (const each of COUNTS) buttons[each].setAttribute("aria-pressed", String(each === name));
    },
    destroy: () => element.remove(),
  };
}

/** A short flash at a number that grew. */
function beacon(element) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.getAnimations().forEach((each) => each.cancel());
  element.animate([{ backgroundColor: "var(--selected)" }, { backgroundColor: "transparent" }], 600);
}
