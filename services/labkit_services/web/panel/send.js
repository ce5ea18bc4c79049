// Sends calls of the chosen function: one, ten, or any number, synchronous or asynchronous.

import { fill, h } from "../dom.js";
import { plain } from "../timeline/say.js";
import { ask, createStatus, perform } from "./command.js";
import { button, choice, field, pythonCall, section, switches } from "./parts.js";

const MOST = 1000;
const POLL_MS = 250;
const SHOWN = 4;

export function createSend({ api, say, lab, changed, announce, signal }) {
  const status = createStatus(say);
  const functions = choice(changed);
  const callbacks = choice(changed);
  const custom = h("input", { type: "number", min: "1", max: String(MOST), step: "1", value: "5", on: { input: () => choose("custom") } });
  const times = switches(say, "times", ["1", "10", "custom"], choose);
  const customField = field(say, "times.number", custom);
  const batches = h("ul", { class: "pn-batches", "aria-label": say("panel.batches") });
  const python = { sync: pythonCall(say), async: pythonCall(say) };
  const [sync, asynchronous] = ["sync", "async"].map((mode) => button(say, `send.${mode}`, () => send(mode), { className: "pn-primary" }));
  const element = section(say, "send",
    field(say, "function", functions.element),
    h("div", { class: "pn-row" }, times.element, customField),
    field(say, "callback", callbacks.element),
    h("div", { class: "pn-row" }, sync, python.sync.element), h("div", { class: "pn-row" }, asynchronous, python.async.element),
    status.element, batches);
  const rows = new Map();
  let chosen = "1";
  choose("1");
  lab.functionName = () => functions.value;
  callbacks.element.addEventListener("focus", () => lab.readBins());

  function choose(name) {
    chosen = name;
    customField.hidden = name !== "custom";
    times.press(name);
    showPython();
  }

  function showPython() {
    const n = chosen === "custom" ? custom.value : chosen;
    const values = { function: plain(functions.value || "echo"), n, bin: plain(callbacks.value) };
    python.sync.show(n === "1" ? "send.sync" : "send.sync.many", values);
    python.async.show(n !== "1" ? "send.async.many" : callbacks.value ? "send.async.callback" : "send.async", values);
  }

  function count() {
    const number = chosen === "custom" ? Number(custom.value) : Number(chosen);
    if (Number.isInteger(number) && number >= 1 && number <= MOST) return number;
    custom.focus();
    return null;
  }

  async function send(mode) {
    const number = count();
    if (number === null) return status.error({ message: say("panel.times.invalid"), expected: say("panel.times.expected", { most: MOST }), seen: custom.value });
    if (!functions.value) return status.error({ message: say("panel.no_function"), next: say("panel.no_function.next") });
    const call = { function: functions.value, mode, count: number };
    const bin = lab.bins?.find(({ name }) => name === callbacks.value);
    if (mode === "async" && bin) call.callback = bin.worker_url ?? bin.url;
    const batch = await perform(status, (options) => ask(api, say, "POST", "api/v1/batches", call, options), { busy: [mode === "sync" ? sync : asynchronous] });
    if (batch) follow(batch);
  }

  function follow(batch) {
    const [text, bar] = [h("span"), h("progress", { max: String(batch.count), "aria-label": say("panel.batch.progress") })];
    const stop = button(say, "batch.stop", () => perform(status, (options) => ask(api, say, "DELETE", `api/v1/batches/${batch.id}`, undefined, options)), { className: "pn-quiet" });
    const row = h("li", null, h("div", { class: "pn-row" }, text, stop), bar);
    batches.prepend(row);
    rows.set(batch.id, row);
    while (batches.children.length > SHOWN) batches.lastChild.remove();
    show(batch);
    poll();

    function show(now) {
      bar.value = now.answered + now.failed;
      const answers = Object.entries(now.statuses).map(([code, n]) => `${n} × ${code}`).join(", ");
      const values = { mode: say(`panel.mode.${now.mode}`), function: plain(now.function), answered: now.answered, count: now.count, answers: answers || "–", seconds: now.seconds.toFixed(1) };
      text.textContent = say(now.done ? "panel.batch.done" : "panel.batch.running", values) + (now.failed ? ` ${say("panel.batch.failed", { n: now.failed })}` : "");
      row.dataset.state = now.done ? (now.error ? "error" : "done") : "running";
      stop.hidden = now.done;
      if (now.done && now.error) text.append(h("span", { class: "pn-error" }, ` ${plain(now.error)}`));
      if (now.done) announce(text.textContent);
    }

    async function poll() {
      let now = batch;
      while (!now.done && !signal.aborted && row.isConnected) {
        await new Promise((done) => setTimeout(done, POLL_MS));
        try {
          now = await ask(api, say, "GET", `api/v1/batches/${batch.id}`);
        } catch (problem) {
          if (problem.status === 404) { // the inspector was started again
            row.dataset.state = "error";
            stop.hidden = true;
            fill(text, say("panel.batch.lost"));
            return;
          }
          continue;
        }
        show(now);
      }
    }
  }

  return {
    element,
    show() {
      functions.offer((lab.functions ?? []).map(({ name }) => [name, plain(name)]));
      sync.disabled = asynchronous.disabled = lab.functions !== null && !lab.functions.length;
      callbacks.offer([["", say("panel.callback.none")], ...(lab.bins ?? []).map(({ name }) => [name, plain(name)])]);
      showPython();
    },
  };
}
