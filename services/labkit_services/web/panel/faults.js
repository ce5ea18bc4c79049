// Breaks something for a while, and shows what is broken and for how long.

import { fill, h } from "../dom.js";
import { plain } from "../timeline/say.js";
import { ask, createStatus, perform } from "./command.js";
import { button, choice, field, pythonCall, section } from "./parts.js";

const SECONDS = [5, 10, 30, 60];
const TICK_MS = 250;
const WORKER = /^queue-worker(-\d+)?$/;

export function createFaults({ api, say, lab, announce, signal }) {
  let built = false;
  const duration = choice(() => built && show());
  duration.offer(SECONDS.map((seconds) => [String(seconds), say("panel.seconds", { n: seconds })]), "10");
  const worker = choice(() => built && show());
  const kinds = {
    kill: () => ({ where: worker.value, what: "kill" }),
    pause: () => ({ where: worker.value, what: "pause", expires: `${duration.value}s` }),
    nats: () => ({ where: "nats", what: "stop", expires: `${duration.value}s` }),
    slow: () => ({ where: "network", what: "slow", delay: "300ms", expires: `${duration.value}s` }),
  };
  const statuses = {};
  const buttons = {};
  const python = {};
  const workerField = field(say, "worker", worker.element);
  const rows = Object.keys(kinds).map((kind) => {
    statuses[kind] = createStatus(say);
    python[kind] = pythonCall(say);
    buttons[kind] = button(say, `fault.${kind}`, () => begin(kind), { className: "pn-danger" });
    return h("div", { class: "pn-fault" },
      h("div", { class: "pn-row" }, buttons[kind], python[kind].element),
      h("p", { class: "pn-help" }, say(`panel.fault.${kind}.help`)), statuses[kind].element);
  });
  const active = h("ul", { class: "pn-active", "aria-label": say("panel.faults.active") });
  const none = h("p", { class: "pn-help" }, say("panel.faults.none"));
  const state = h("p", { class: "pn-state", role: "status" });
  const endStatus = createStatus(say);
  const element = section(say, "faults",
    h("div", { class: "pn-row" }, workerField, field(say, "duration", duration.element)), rows, h("h3", null, say("panel.faults.active")), active, none, endStatus.element, state);
  const shown = new Map(); // rows by fault id
  const begun = new Map(); // kinds by the id of the fault that was begun here
  let timer = null;
  built = true;
  signal.addEventListener("abort", () => clearInterval(timer));

  async function begin(kind) {
    const order = kinds[kind]();
    const answer = await perform(statuses[kind], (options) => ask(api, say, "POST", "api/v1/faults", order, options), {
      busy: [buttons[kind]],
      done: () => say(`panel.fault.${kind}.done`, { service: plain(order.where), seconds: duration.value }),
    });
    for (const fault of answer?.faults ?? []) if (kind !== "kill") begun.set(fault.id, kind);
    if (answer) announce(statuses[kind].element.textContent);
    lab.readFaults();
    lab.readServices();
  }

  async function end(fault, control) {
    await perform(endStatus, (options) => ask(api, say, "DELETE", `api/v1/faults/${encodeURIComponent(fault.id)}`, undefined, options), {
      busy: [control], done: () => say("panel.fault.ended", { fault: name(fault) }),
    });
    lab.readFaults();
    lab.readServices();
  }

  const name = (fault) => say(`panel.fault.name.${fault.what}`, { service: plain(fault.bin ?? fault.service ?? fault.where) }, `${fault.what} ${fault.where}`);

  function show() {
    const workers = (lab.services ?? []).filter((each) => WORKER.test(each.name));
    if (workers.length) worker.offer(workers.map((each) => [each.name, each.name]), "queue-worker");
    workerField.hidden = workers.length < 2;
    const faults = new Map(lab.faults.map((fault) => [fault.id, fault]));
    for (const [id, row] of shown) {
      if (faults.has(id)) continue;
      row.element.remove();
      shown.delete(id);
      if (begun.has(id)) statuses[begun.get(id)].clear(); // it says that the fault is active
    }
    for (const [id, fault] of faults) {
      if (!shown.has(id)) shown.set(id, createRow(fault));
      shown.get(id).fault = fault;
    }
    none.hidden = shown.size > 0;
    if (!shown.size) timer = clearInterval(timer) ?? null;
    else timer ??= setInterval(tick, TICK_MS);
    for (const kind of Object.keys(kinds)) python[kind].show(`fault.${kind}`, { service: worker.value || "queue-worker", n: duration.value });
    const target = workers.find((each) => each.name === worker.value);
    const text = target ? say("panel.worker.state", { service: target.name, state: say(`panel.state.${target.state}`, {}, target.state), restarts: target.restarts ?? 0 }) : "";
    if (state.textContent !== text) state.textContent = text;
    tick();
  }

  function createRow(fault) {
    const left = h("span", { class: "pn-left" });
    const stop = button(say, "fault.end", () => end(row.fault, stop), { className: "pn-quiet" });
    stop.setAttribute("aria-label", say("panel.fault.end.label", { fault: name(fault) }));
    const row = { fault, left, element: h("li", { class: "pn-row", data: { fault: fault.id } }, h("span", null, name(fault)), left, stop), asked: false };
    active.append(row.element);
    return row;
  }

  /** The seconds that are left, on the browser's clock; at their end the lab is asked. */
  function tick() {
    for (const row of shown.values()) {
      const seconds = row.fault.ends === null || row.fault.ends === undefined ? null : row.fault.ends + lab.clockOffset - Date.now() / 1000;
      const text = seconds === null ? say("panel.fault.open") : seconds > 0 ? say("panel.fault.left", { n: Math.ceil(seconds) }) : say("panel.fault.ending");
      if (row.left.textContent !== text) fill(row.left, text);
      if (seconds !== null && seconds < -0.3 && !row.asked) {
        row.asked = true;
        setTimeout(() => { row.asked = false; }, 1000);
        lab.readFaults();
      }
    }
  }

  return { element, show };
}
