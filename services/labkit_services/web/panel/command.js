// One command of a control: sent to the lab, and what became of it shown beside the control.

import { fill, h } from "../dom.js";

/** A command that failed: what the lab says, or that there was no answer (status 0). */
export class Problem extends Error {
  constructor({ error, expected = "", seen = "", next = "" }, status = 0) {
    super(error);
    Object.assign(this, { expected, seen, next, status });
  }
}

/** Send a request of the lab's API; return the body, or raise a Problem. */
export async function ask(api, say, method, path, body, options) {
  const answer = await api.send(method, path, body, options);
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  const document = answer.body && typeof answer.body === "object" ? answer.body : {};
  throw new Problem({ ...document, error: document.error || say("panel.no_answer") }, answer.status);
}

/**
 * The line under a control: nothing, pending, queued in the kernel, done, or an
 * error with what was expected, what was seen, and the next step.
 */
export function createStatus(say) {
  const element = h("div", { class: "pn-status", role: "status", "aria-live": "polite" });
  const show = (state, ...content) => {
    element.dataset.state = state;
    fill(element, content);
  };
  const detail = (name, text) => text && [h("dt", null, say(`panel.${name}`)), h("dd", null, text)];
  return {
    element,
    clear: () => show(""),
    pending: (text = say("panel.pending")) => show("pending", text),
    queued: () => show("queued", say("panel.queued")),
    done: (text) => show("done", text),
    note: (text) => show("note", text),
    error(problem) {
      const { message, expected, seen, next } = problem;
      show("error", h("p", { class: "pn-error" }, message),
        (expected || seen || next) && h("dl", null, detail("expected", expected), detail("seen", seen), detail("next", next)));
    },
  };
}

/**
 * Run `work(options)` and show its course; `options` are for `ask`. Controls in
 * `busy` are marked while it runs. Returns its result, or undefined after an
 * error, which is shown and never lost.
 */
export async function perform(status, work, { busy = [], done = null, pending } = {}) {
  status.pending(pending);
  for (const control of busy) control.setAttribute("aria-busy", "true");
  try {
    const result = await work({ onQueued: () => status.queued(), onAccepted: () => status.pending(pending) });
    if (done) status.done(done(result));
    else status.clear();
    return result ?? null;
  } catch (error) {
    status.error(error instanceof Problem ? error : new Problem({ error: String(error?.message ?? error) }));
    return undefined;
  } finally {
    for (const control of busy) control.removeAttribute("aria-busy");
  }
}
