// Resets the lab, after a question.

import { h } from "../dom.js";
import { plain } from "../timeline/say.js";
import { ask, createStatus, perform, Problem } from "./command.js";
import { button, pythonCall, section } from "./parts.js";

const POLL_MS = 400;
const WITHIN_MS = 60_000;

export function createReset({ api, say, lab, announce, signal }) {
  const status = createStatus(say);
  const open = button(say, "reset.open", () => confirm(true), { className: "pn-danger" });
  const yes = button(say, "reset.confirm", reset, { className: "pn-danger" });
  const no = button(say, "reset.cancel", () => confirm(false));
  const question = h("div", { class: "pn-confirm", role: "group", "aria-label": say("panel.reset.question"), hidden: true, on: { keydown: (event) => event.key === "Escape" && confirm(false) } },
    h("p", null, say("panel.reset.question")), h("div", { class: "pn-row" }, no, yes));
  const python = pythonCall(say);
  python.show("reset");
  const element = section(say, "reset", h("div", { class: "pn-row" }, open, python.element), question, status.element);

  function confirm(asking) {
    question.hidden = !asking;
    open.hidden = asking;
    (asking ? no : open).focus();
  }

  async function reset() {
    confirm(false);
    const before = lab.lastReset?.began;
    const done = await perform(status, async (options) => {
      await ask(api, say, "POST", "api/v1/reset", {}, options);
      return finished(before);
    }, { busy: [open], pending: say("panel.reset.running"), done: (last) => say("panel.reset.done", { seconds: last.seconds.toFixed(1) }) });
    if (done) announce(status.element.textContent);
    lab.readAll();
  }

  /** Wait for the end of the reset, during which nothing answers for a moment. */
  async function finished(before) {
    const deadline = performance.now() + WITHIN_MS;
    while (performance.now() < deadline && !signal.aborted) {
      await new Promise((done) => setTimeout(done, POLL_MS));
      const last = await ask(api, say, "GET", "api/v1/services").then((found) => found.last_reset, () => null);
      if (!last || last.began === before || last.seconds === null) continue;
      if (last.error) throw new Problem({ error: plain(last.error), next: say("panel.reset.failed.next") });
      return last;
    }
    throw new Problem({ error: say("panel.reset.late"), expected: say("panel.reset.late.expected", { seconds: WITHIN_MS / 1000 }), next: say("panel.reset.failed.next") });
  }

  return { element, show() {} };
}
