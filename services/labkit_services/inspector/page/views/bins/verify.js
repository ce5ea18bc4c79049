// Verification: did the expected requests arrive? With near misses explained.

import { binPath } from "../../api.js";
import { openDialog } from "../../components/dialog.js";
import { term } from "../../components/term.js";
import { fill, h, visible } from "../../dom.js";
import { hashOf } from "../../router.js";

const TEXTS = ["method", "function", "call_id", "subpath", "body"];
const NUMBERS = ["function_status", "status"];

export function openVerify(context, bin) {
  const { api, words } = context;
  return openDialog({ words, title: words("verify.title", { bin }), className: "wide verify" }, (close) => {
    const expectations = [];
    const list = h("ol", { class: "rule-list" });
    const result = h("div", { class: "verify-result", role: "status", "aria-live": "polite" });
    const ordered = h("input", { type: "checkbox" });
    const noExtra = h("input", { type: "checkbox" });
    const within = h("input", { value: "0s", autocomplete: "off", class: "short" });
    const add = () => {
      expectations.push(createExpectation(words, { onRemove }));
      show();
    };
    const show = () => fill(list, expectations.map((each) => each.element));
    function onRemove(expectation) {
      expectations.splice(expectations.indexOf(expectation), 1);
      show();
    }

    async function submit(event) {
      event.preventDefault();
      const button = form.querySelector(".primary");
      button.disabled = true;
      fill(result, h("p", { class: "secondary" }, words("verify.waiting")));
      try {
        const question = { expect: expectations.map((each) => each.read()), ordered: ordered.checked, no_extra: noExtra.checked, within: within.value.trim() || "0s" };
        fill(result, verdict(await api.post(binPath(bin, "/verify"), question)));
      } catch (error) {
        fill(result, h("p", { class: "error" }, error.isMissing ? words("missing") : error.sentence ?? words("rules.invalid", { why: error.message })));
      } finally {
        button.disabled = false;
      }
    }

    const link = (id) => h("a", { href: hashOf("bins", bin, id), on: { click: () => close() } }, id.slice(-8));
    const links = (ids) => ids.slice(0, 20).map((id) => [link(id), " "]);

    function verdict(answer) {
      return [
        h("p", { class: "row" }, h("strong", { class: `badge ${answer.verified ? "good" : "bad"}`, id: "verdict" }, words(answer.verified ? "verify.good" : "verify.bad")), visible(answer.message)),
        h("ol", { class: "verdicts" }, (answer.results ?? []).map((each) =>
          h("li", null,
            h("p", null, words("verify.matched", { n: each.matched.length }), " ", links(each.matched)),
            (each.near_misses ?? []).length > 0 && [
              h("p", { class: "secondary" }, words("verify.near")),
              h("ul", { class: "near-misses" }, each.near_misses.map((miss) => h("li", null, link(miss.id), " ", visible([miss.why].flat().join("; "))))),
            ]))),
        (answer.extra ?? []).length > 0 && h("p", null, words("verify.extra", { n: answer.extra.length }), " ", links(answer.extra)),
      ];
    }

    const form = h("form", { class: "dialog-body", on: { submit } },
      h("p", { class: "secondary" }, words("verify.text")),
      list,
      h("div", null, h("button", { type: "button", id: "add-expectation", on: { click: add } }, words("verify.add"))),
      h("div", { class: "row options" },
        h("label", { class: "choice" }, ordered, words("verify.ordered")),
        h("label", { class: "choice" }, noExtra, words("verify.no_extra")),
        h("label", { class: "choice" }, words("verify.within"), within), term(words, "verify_within", "?"),
        h("span", { class: "space" }),
        h("button", { class: "primary", id: "run-verify" }, words("verify.run"))),
      result);
    add();
    return form;
  });
}

function createExpectation(words, { onRemove }) {
  const inputs = new Map();
  const field = (name, attributes = {}) => {
    const input = h("input", { autocomplete: "off", spellcheck: "false", data: { match: name }, ...attributes });
    inputs.set(name, input);
    if (name === TEXTS[0]) input.dataset.autofocus = "";
    return h("label", { class: "field" }, h("span", null, words(`match.${name}`)), input);
  };
  const least = h("input", { type: "number", min: "0", value: "1", class: "short" });
  const most = h("input", { type: "number", min: "0", value: "", placeholder: "∞", class: "short" });
  const never = h("input", { type: "checkbox", on: { change: () => (least.disabled = most.disabled = never.checked) } });
  const more = h("textarea", { rows: "1", spellcheck: "false", placeholder: '{"headers": {"X-Kind": {"contains": "a"}}, "json": {"n": 1}}' });
  const expectation = { element: null, read };

  function read() {
    const match = more.value.trim() ? JSON.parse(more.value) : {};
    for (const name of TEXTS) if (inputs.get(name).value.trim()) match[name] = inputs.get(name).value.trim();
    for (const name of NUMBERS) if (inputs.get(name).value) match[name] = Number(inputs.get(name).value);
    if (never.checked) return { match, never: true };
    return { match, times: { min: Number(least.value), ...(most.value && { max: Number(most.value) }) } };
  }

  expectation.element = h("li", { class: "rule" },
    h("div", { class: "match-fields" }, TEXTS.map((name) => field(name)), NUMBERS.map((name) => field(name, { type: "number" }))),
    h("label", { class: "field" }, h("span", null, words("verify.more")), more),
    h("div", { class: "row" },
      h("label", { class: "choice" }, words("verify.least"), least), h("label", { class: "choice" }, words("verify.most"), most),
      h("label", { class: "choice" }, never, words("verify.never")), h("span", { class: "space" }),
      h("button", { type: "button", class: "quiet icon", "aria-label": words("verify.remove"), on: { click: () => onRemove(expectation) } }, "✕")));
  return expectation;
}
