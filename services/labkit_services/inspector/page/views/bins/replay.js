// Send a request again, with changes; then compare the replies.

import { binPath } from "../../api.js";
import { openDialog } from "../../components/dialog.js";
import { fill, h } from "../../dom.js";
import { parseHeaders } from "../../send_call.js";
import { hashOf } from "../../router.js";
import { comparison } from "./compare.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const OWN_HEADERS = new Set(["host", "content-length", "connection", "transfer-encoding"]); // made anew by the sender

export function openReplay(context, request) {
  const { api, words } = context;
  return openDialog({ words, title: words("replay.title"), className: "wide replay" }, (close) => {
    const headers = request.headers.filter(([name]) => !OWN_HEADERS.has(name.toLowerCase())).map((pair) => pair.join(": ")).join("\n");
    const isText = request.body !== undefined;
    const result = h("div", { class: "replay-result", role: "status", "aria-live": "polite" });
    const field = (label, input, help) => h("label", { class: "field" }, h("span", null, words(label)), input, help && h("span", { class: "small-text secondary" }, words(help)));
    const form = h("form", { class: "dialog-body", on: { submit } },
      h("div", { class: "two" },
        field("replay.method", h("select", { name: "method" }, [...new Set([request.method, ...METHODS])].map((name) => h("option", { value: name }, name)))),
        field("replay.target", h("input", { name: "target", placeholder: words("replay.target.same"), autocomplete: "off", spellcheck: "false", "data-autofocus": true }), "replay.target.help")),
      field("send.headers", h("textarea", { name: "headers", rows: "5", spellcheck: "false", prop: { value: headers } })),
      isText
        ? field("body", h("textarea", { name: "body", rows: "5", spellcheck: "false", prop: { value: request.body } }))
        : h("p", { class: "secondary" }, words("replay.binary")),
      h("div", { class: "two" },
        field("replay.times", h("input", { type: "number", name: "times", min: "1", max: "100", value: "1" })),
        field("replay.gap", h("input", { name: "gap", value: "", placeholder: "0s", autocomplete: "off" }), "replay.gap.help")),
      h("div", { class: "actions" }, h("button", { class: "primary" }, words("replay.send"))),
      result);

    /** Only what was changed is sent, so that all else stays byte for byte. */
    function changes() {
      const { method, target, body, headers: lines, times, gap } = form.elements;
      return {
        ...(method.value !== request.method && { method: method.value }),
        ...(target.value.trim() && { target: target.value.trim() }),
        ...(lines.value !== headers && { headers: parseHeaders(lines.value) }),
        ...(isText && body.value !== request.body && { body: body.value }),
        ...(Number(times.value) > 1 && { times: Number(times.value) }),
        ...(gap.value.trim() && { gap: gap.value.trim() }),
      };
    }

    async function submit(event) {
      event.preventDefault();
      const button = form.querySelector(".actions button");
      button.disabled = true;
      fill(result, h("p", { class: "secondary" }, words("send.sending")));
      try {
        const answer = await api.post(binPath(request.bin, `/requests/${request.id}/replay`), changes());
        fill(result, outcome(answer));
      } catch (error) {
        const text = error.isMissing ? words("missing") : error.sentence ?? words("send.headers.invalid", { line: error.message });
        fill(result, h("p", { class: "error" }, text));
      } finally {
        button.disabled = false;
      }
    }

    function outcome(answer) {
      const link = h("a", { href: hashOf("bins", answer.bin ?? request.bin, answer.id), on: { click: () => close() } }, words("replay.show"));
      const statuses = answer.statuses ?? [answer.status];
      const shown = (status) => h("strong", { class: status == null ? "wait" : status >= 200 && status < 300 ? "good" : "bad" },
        status == null ? words("replay.open_still") : String(status || words("requests.cut")));
      return [
        h("p", { class: "row" }, statuses.map(shown), link),
        answer.left_out?.length > 0 && h("p", { class: "secondary" }, words("replay.left_out", { headers: answer.left_out.join(", ") })),
        answer.diff && answer.status !== null && h("div", { class: "comparison" }, comparison(words, answer.diff)),
      ];
    }
    return form;
  });
}
