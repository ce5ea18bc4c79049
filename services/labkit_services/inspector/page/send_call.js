// The form that sends a call of a function, and shows what came back.

import { binPath } from "./api.js";
import { openDialog } from "./components/dialog.js";
import { term } from "./components/term.js";
import { fill, h, uniqueId, visible } from "./dom.js";
import { hashOf } from "./router.js";

/** Return the header lines "Name: value" as an object of pairs; a line without a colon raises an Error. */
export function parseHeaders(text) {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => {
      const at = line.indexOf(":");
      if (at < 1) throw new Error(line.trim());
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
}

/** Open the form, with `values` = { function, body, headers, callback, mode } in it. */
export function openSendForm(context, values = {}) {
  const { api, words, store } = context;
  return openDialog({ words, title: words("send.title"), className: "send" }, (close) => {
    const id = uniqueId("send");
    const functions = h("datalist", { id: `${id}-functions` });
    const callbacks = h(
      "datalist",
      { id: `${id}-callbacks` },
      [...store.get("bins").values()].map((bin) => h("option", { value: bin.worker_url ?? bin.url }, bin.name)),
    );
    const result = h("div", { class: "send-result", role: "status", "aria-live": "polite" });
    const mode = (name) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: "mode", value: name, checked: (values.mode ?? "async") === name }),
        words(`mode.${name}`),
      );
    const form = h(
      "form",
      { class: "dialog-body", on: { submit, change: showCallback } },
      h("label", { class: "field" }, h("span", null, words("send.function")),
        h("input", { name: "function", required: true, list: `${id}-functions`, autocomplete: "off", spellcheck: "false", value: values.function ?? "", "data-autofocus": true })),
      functions,
      h("fieldset", { class: "row" }, h("legend", null, words("send.mode")), mode("async"), mode("sync"), term(words, "async_call", "?")),
      h("label", { class: "field" }, h("span", null, words("send.body")), h("textarea", { name: "body", rows: "3", spellcheck: "false", prop: { value: values.body ?? "" } })),
      h("label", { class: "field" }, h("span", null, words("send.headers")),
        h("textarea", { name: "headers", rows: "2", spellcheck: "false", placeholder: "X-Name: value", prop: { value: (values.headers ?? []).map((pair) => pair.join(": ")).join("\n") } })),
      h("label", { class: "field callback-field" }, h("span", null, words("send.callback")),
        h("input", { name: "callback", list: `${id}-callbacks`, autocomplete: "off", spellcheck: "false", placeholder: words("send.callback.placeholder"), value: values.callback ?? "" })),
      callbacks,
      h("div", { class: "actions" }, h("button", { class: "primary" }, words("send.submit"))),
      result,
    );

    api.get("api/v1/functions").then(
      (found) => fill(functions, (found.functions ?? found).map((each) => h("option", { value: each.name ?? each }))),
      () => {}, // the name can be typed
    );

    function showCallback() {
      form.querySelector(".callback-field").hidden = form.elements.mode.value !== "async";
    }

    async function submit(event) {
      event.preventDefault();
      const fields = form.elements;
      const submitButton = form.querySelector(".actions button");
      let headers;
      try {
        headers = parseHeaders(fields.headers.value);
      } catch (error) {
        return showProblem(words("send.headers.invalid", { line: error.message }));
      }
      const call = { function: fields.function.value.trim(), mode: fields.mode.value, body: fields.body.value, headers };
      const callback = fields.callback.value.trim();
      submitButton.disabled = true;
      fill(result, words("send.sending"));
      try {
        if (call.mode === "async" && callback) call.callback = await callbackUrl(callback);
        showAnswer(await api.post("api/v1/calls", call));
      } catch (error) {
        showProblem(error.isUnavailable ? words("missing.send") : error.sentence);
      } finally {
        submitButton.disabled = false;
      }
    }

    /** The URL of a bin that is named; one that does not exist yet is made. */
    async function callbackUrl(given) {
      if (given.includes("/")) return given;
      const bin = store.get("bins").get(given) ?? await api.put(binPath(given));
      return bin.worker_url ?? bin.url;
    }

    function showProblem(text) {
      fill(result, h("p", { class: "error" }, text));
    }

    function showAnswer(answer) {
      const callId = answer.call_id ?? answer.callId ?? answer.id;
      fill(
        result,
        h("p", null, h("strong", { class: answer.status < 400 ? "good" : "bad" }, String(answer.status ?? "")), " ",
          callId && [words("send.accepted"), " ",
            h("a", { href: hashOf("calls", callId), on: { click: () => close() } }, callId)]),
        answer.body && h("pre", { class: "body", tabindex: "0" }, visible(answer.body)),
      );
    }

    showCallback();
    return form;
  });
}
