// A held request: answer it by hand, or cut its connection.

import { binPath } from "../../api.js";
import { openDialog } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { fill, h } from "../../dom.js";
import { parseHeaders } from "../../send_call.js";

const QUICK = [200, 500, 503];

export function answerForm(context, request) {
  const { api, words } = context;
  const path = (rest) => binPath(request.bin, `/requests/${request.id}${rest}`);

  async function tell(action) {
    try {
      await action();
    } catch (error) {
      const text = error.status === 409 ? words("answer.late") : error.isMissing ? words("missing") : error.sentence;
      toast(text, "error");
    }
  }

  const answer = (response) => tell(() => api.put(path("/response"), response));
  const button = (label, onClick, properties = {}) => h("button", { type: "button", on: { click: onClick }, ...properties }, label);
  return h(
    "section",
    { class: "answer-form", id: "answer", "aria-label": words("answer.title") },
    h("p", null, h("strong", null, words("answer.title")), " ", h("span", { class: "small-text" }, words("answer.help"))),
    h("div", { class: "row" },
      QUICK.map((status) => button(words("answer.with", { status }), () => answer({ status }), { data: { answer: status } })),
      button(words("answer.custom"), () => openAnswer(context, answer), { data: { answer: "custom" } }),
      button(words("answer.drop"), () => tell(() => api.post(path("/drop"))), { class: "danger", data: { answer: "drop" } })),
  );
}

function openAnswer({ words }, answer) {
  return openDialog({ words, title: words("answer.custom.title") }, (close) => {
    const error = h("p", { class: "error", role: "alert" });
    const form = h("form", { class: "dialog-body", on: { submit } },
      h("label", { class: "field" }, h("span", null, words("answered.status")), h("input", { type: "number", name: "status", min: "200", max: "599", value: "200", required: true, "data-autofocus": true })),
      h("label", { class: "field" }, h("span", null, words("send.headers")), h("textarea", { name: "headers", rows: "2", placeholder: "X-Name: value", spellcheck: "false" })),
      h("label", { class: "field" }, h("span", null, words("body")), h("textarea", { name: "body", rows: "4", spellcheck: "false" })),
      error,
      h("div", { class: "actions" }, h("button", { class: "primary" }, words("answer.send"))));
    function submit(event) {
      event.preventDefault();
      const { status, headers, body } = form.elements;
      try {
        answer({ status: Number(status.value), headers: parseHeaders(headers.value), body: body.value });
        close();
      } catch (problem) {
        fill(error, words("send.headers.invalid", { line: problem.message }));
      }
    }
    return form;
  });
}
