// A slider for a number of the lab: its value is applied when it is released, and the lab's own value is shown beside it.

import { h } from "../dom.js";
import { createStatus, perform } from "./command.js";
import { field, pythonCall } from "./parts.js";

const OWN_MS = 1500;

/**
 * `apply(value, options)` changes the lab and resolves with the value that it
 * has then; `values()` are more values of its Python call. Returns {element,
 * setReal(value, most), setUnknown(), clear()}.
 */
export function createSlider(say, name, { least = 1, most = 10, apply, values = () => ({}) }) {
  const status = createStatus(say);
  const input = h("input", { type: "range", min: String(least), max: String(most), step: "1", value: String(least), disabled: true, on: { input: move, change: release } });
  const wanted = h("output", { class: "pn-wanted" }, "–");
  const real = h("span", { class: "pn-real" }, say("panel.unknown"));
  const element = field(say, name, h("div", { class: "pn-slide" }), status.element);
  // The label is the slider's, not that of the line around it.
  const line = element.querySelector(".pn-slide");
  input.id = line.id;
  input.setAttribute("aria-describedby", line.getAttribute("aria-describedby"));
  line.removeAttribute("id");
  line.removeAttribute("aria-describedby");
  line.append(input, wanted, real);
  const python = pythonCall(say);
  element.querySelector("label").after(python.element);
  let [known, moving, sending, next] = [null, false, false, null];
  let applied = null; // what the last command led to, while its message is shown
  let trusted = 0; // until then the answer to the last command counts: the feed may be a moment behind

  function move() {
    moving = true;
    show();
  }

  function release() {
    moving = false;
    next = Number(input.value);
    show();
    if (!sending) send();
  }

  /** What was applied holds no more: something else has changed the value. */
  function forget() {
    if (applied !== null) status.clear();
    applied = null;
  }

  /** One command at a time; of several releases meanwhile, the last counts. */
  async function send() {
    sending = true;
    while (next !== null) {
      const value = next;
      next = applied = null;
      const result = await perform(status, (options) => apply(value, options), {
        busy: [input],
        pending: say("panel.applying", { value }),
        done: (now) => say(now === value ? "panel.applied" : "panel.limited", { value: now, wanted: value }),
      });
      if (result !== undefined) {
        known = applied = result;
        trusted = performance.now() + OWN_MS;
      } else if (next === null && known !== null) input.value = String(known);
    }
    sending = false;
    show();
  }

  function show() {
    if (!moving && !sending && next === null && known !== null) input.value = String(known);
    const value = input.disabled ? "–" : input.value;
    if (wanted.textContent !== value) wanted.textContent = value;
    python.show(name, { ...values(), value: input.disabled ? least + 1 : input.value });
    const differs = known !== null && String(known) !== input.value;
    const text = known === null ? say("panel.unknown") : say(differs ? "panel.still" : "panel.now", { value: known });
    if (real.textContent !== text) real.textContent = text;
    element.dataset.state = known === null ? "unknown" : differs ? "differs" : "set";
    input.setAttribute("aria-valuetext", known === null ? say("panel.unknown") : differs ? say("panel.value_text", { wanted: input.value, value: known }) : String(known));
  }

  return {
    element,
    input,
    /** The lab's own value; a range that is too small for it grows. */
    setReal(value, limit = most) {
      if (value !== known && performance.now() < trusted) return;
      if (value !== applied && !sending) forget();
      known = value;
      input.max = String(Math.max(limit, value));
      input.disabled = false;
      show();
    },
    setUnknown() {
      known = null;
      input.disabled = true;
      show();
    },
    /** It shows another thing from now on. */
    clear() {
      status.clear();
      applied = null;
      trusted = 0;
    },
  };
}
