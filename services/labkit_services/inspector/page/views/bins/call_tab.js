// The call behind a captured request: its outcome and durations.

import { term } from "../../components/term.js";
import { unavailable } from "../../components/unavailable.js";
import { fill, h, visible } from "../../dom.js";
import { seconds } from "../../format.js";
import { hashOf } from "../../router.js";
import { outcomeText } from "../../../../web/words/outcome.js";

const DURATIONS = [
  ["client_waited", "clientWaited"],
  ["queue_wait", "waitedInQueue"],
  ["ran", "ran"],
  ["end_to_end", "endToEnd"],
];

export function callTab({ api, words }, request) {
  const id = request.openfaas?.call_id;
  if (!id) return h("p", { class: "secondary" }, words("call.none"));
  const content = h("div", { class: "call-tab" }, h("p", { class: "secondary" }, words("loading")));
  const name = request.openfaas.function_name ?? "";
  const query = name ? `?function=${encodeURIComponent(name)}` : "";
  api.get(`api/v1/calls/${encodeURIComponent(id)}${query}`).then(show, (error) =>
    fill(content, facts([["call_id", visible(id)]]), unavailable(words, "call", error)));

  const facts = (pairs) => h("dl", { class: "facts" }, pairs.map(([key, value]) => [h("dt", null, term(words, key)), h("dd", null, value)]));

  function show(call) {
    const { outcome } = call;
    const address = hashOf("calls", call.callId, call.function);
    fill(
      content,
      h("p", null, h("strong", null, visible(call.function)), " ", h("span", { class: `badge call-state ${call.state}` }, words(`state.${call.state}`))),
      outcome && h("div", { class: "notice" }, h("p", null, visible(outcomeText(words, outcome, "reason"))),
        h("p", { class: "secondary" }, visible(outcomeText(words, outcome, "next")))),
      facts([
        ["call_id", h("a", { href: address }, visible(call.callId))],
        ...DURATIONS.filter(([, field]) => call.durations?.[field] != null).map(([key, field]) => [key, seconds(call.durations[field])]),
        ["attempts", String(call.attempts?.length ?? 0)],
      ]),
      h("p", null, h("a", { href: address }, words("call.timeline"))),
    );
  }
  return content;
}
