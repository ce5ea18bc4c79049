// The dead letters of a queue: why each is one; redrive and purge.

import { confirmDialog } from "../../components/dialog.js";
import { term } from "../../components/term.js";
import { showError, toast } from "../../components/toast.js";
import { fill, h, visible } from "../../dom.js";
import { clock } from "../../format.js";
import { hashOf } from "../../router.js";

export function createDeadLetters({ api, words }, queue, read) {
  const path = (rest = "") => `api/v1/queues/${encodeURIComponent(queue)}/dead-letters${rest}`;
  // Calls of several functions may share an id.
  const pathOf = ({ callId, function: name }, rest = "") => path(`/${encodeURIComponent(callId)}${rest}?function=${encodeURIComponent(name)}`);
  const count = h("span", { class: "number", data: { gauge: "dead_letter" } }, "0");
  const body = h("tbody");
  const table = h("table", { class: "dead-letters" },
    h("thead", null, h("tr", null, ["dead.when", "call.function", "call.id", "dead.reason", "dead.attempts", "dead.actions"].map((key) => h("th", { scope: "col" }, words(key))))), body);
  const purge = h("button", { type: "button", class: "danger", on: { click: purgeAll } }, words("dead.purge"));
  const element = h("div", { class: "dead" },
    h("div", { class: "row" }, h("h4", null, term(words, "dead_letter", words("dead.title"))), count, h("span", { class: "space" }), purge),
    h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": words("dead.title") }, table));
  let known = -1;

  async function update(number = 0) {
    count.textContent = number;
    purge.hidden = table.parentElement.hidden = !number;
    if (number === known) return;
    known = number;
    if (!number) return;
    try {
      const answer = await api.get(path());
      fill(body, answer.dead_letters.map(row));
    } catch (error) {
      known = -1;
      fill(body, h("tr", null, h("td", { colspan: "6" }, error.isMissing ? words("missing") : error.sentence)));
    }
  }

  function row(letter) {
    return h("tr", { data: { callId: letter.callId } },
      h("td", { class: "number" }, clock(letter.diedAt)),
      h("td", null, visible(letter.function)),
      h("td", null, h("a", { href: hashOf("calls", letter.callId) }, visible(letter.callId))),
      h("td", { class: "reason" }, visible(letter.reason)),
      h("td", { class: "number" }, String(letter.attempts)),
      h("td", null, h("div", { class: "row" },
        h("button", { type: "button", on: { click: () => act(() => api.post(pathOf(letter, "/redrive")), words("dead.redriven")) } }, words("dead.redrive")),
        h("button", { type: "button", class: "quiet", on: { click: () => removeOne(letter) } }, words("delete")))));
  }

  async function act(action, done) {
    try {
      await action();
      toast(done);
    } catch (error) {
      if (error.isMissing) toast(words("missing"), "error");
      else showError(error);
    }
    known = -1;
    read();
  }

  async function removeOne(letter) {
    const texts = { title: words("dead.delete"), text: words("dead.delete.text", { function: letter.function }), action: words("delete") };
    if (await confirmDialog(words, texts)) await act(() => api.delete(pathOf(letter)), words("dead.deleted"));
  }

  async function purgeAll() {
    const texts = { title: words("dead.purge"), text: words("dead.purge.text", { n: known, queue }), action: words("dead.purge") };
    if (await confirmDialog(words, texts)) await act(() => api.delete(path()), words("dead.deleted"));
  }

  update(0);
  return { element, update };
}
