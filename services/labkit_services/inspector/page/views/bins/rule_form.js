// The form of one rule: for which requests, and the sequence of its responses.

import { fill, h } from "../../dom.js";
import { parseHeaders } from "../../send_call.js";

const METHODS = ["", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const headerLines = (headers) => (Array.isArray(headers) ? headers : Object.entries(headers ?? {})).map((pair) => pair.join(": ")).join("\n");
const number = (value) => (value === "" ? undefined : Number(value));

/** Return an object without undefined, empty and false values. */
const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== "" && value !== false));

/** Return { element, read() }; `read` raises an Error about what is not valid. */
export function createRuleForm(words, rule, { onRemove, onUp }) {
  const name = input("rules.name", { value: rule.name ?? "" });
  const method = h("select", { "aria-label": words("replay.method") }, METHODS.map((each) => h("option", { value: each, selected: each === (rule.method ?? "") }, each || words("rules.any_method"))));
  const when = h("textarea", { rows: "1", spellcheck: "false", placeholder: '{"headers": {"X-Kind": "order"}}', prop: { value: rule.when && Object.keys(rule.when).length ? JSON.stringify(rule.when) : "" } });
  const { name: _name, method: _method, when: _when, then = [], ...first } = rule;
  const steps = [first, ...then].map((step) => createStep(words, typeof step === "number" ? { status: step } : step));
  const list = h("ol", { class: "steps" });
  const form = { element: null, read };

  function input(label, attributes) {
    return h("input", { autocomplete: "off", spellcheck: "false", "aria-label": words(label), placeholder: words(label), ...attributes });
  }

  function showSteps() {
    fill(list, steps.map((step, place) =>
      h("li", null,
        h("span", { class: "secondary then" }, words(place === 0 ? "rules.first" : "rules.then")),
        step.element,
        steps.length > 1 && h("button", { type: "button", class: "quiet icon", "aria-label": words("rules.remove_step"), on: { click: () => (steps.splice(place, 1), showSteps()) } }, "✕"))));
  }

  function addStep() {
    steps.push(createStep(words, { status: 200 }));
    showSteps();
    list.lastElementChild.querySelector("input").focus();
  }

  function read() {
    const [head, ...rest] = steps.map((step) => step.read());
    const conditions = when.value.trim() ? JSON.parse(when.value) : undefined;
    return { ...filled({ name: name.value.trim(), method: method.value, when: conditions }), ...head, ...(rest.length && { then: rest }) };
  }

  showSteps();
  form.element = h("li", { class: "rule" },
    h("div", { class: "row rule-head" }, name, method,
      h("button", { type: "button", class: "quiet icon", "aria-label": words("rules.up"), on: { click: () => onUp(form) } }, "↑"),
      h("button", { type: "button", class: "quiet icon", "aria-label": words("rules.remove"), on: { click: () => onRemove(form) } }, "✕")),
    h("label", { class: "field" }, h("span", null, words("rules.when")), when),
    list,
    h("button", { type: "button", class: "quiet add-step", on: { click: addStep } }, words("rules.add_step")));
  return form;
}

function createStep(words, step) {
  const small = (key, value, attributes = {}) => {
    const field = h("input", { autocomplete: "off", value: value ?? "", ...attributes });
    return [field, h("label", { class: "field" }, h("span", null, words(key)), field)];
  };
  const [status, statusField] = small("answered.status", step.status ?? 200, { type: "number", min: "0", max: "599" });
  const [times, timesField] = small("rules.times", step.times, { type: "number", min: "1", placeholder: "∞" });
  const [delay, delayField] = small("answered.delay", step.delay, { placeholder: "0s" });
  const [jitter, jitterField] = small("rules.jitter", step.jitter, { placeholder: "0s" });
  const body = h("textarea", { rows: "2", spellcheck: "false", prop: { value: step.body ?? "" } });
  const headers = h("textarea", { rows: "2", spellcheck: "false", placeholder: "X-Name: value", prop: { value: headerLines(step.headers) } });
  const template = h("input", { type: "checkbox", checked: Boolean(step.template) });
  const element = h("div", { class: "step" },
    h("div", { class: "step-numbers" }, statusField, timesField, delayField, jitterField),
    h("details", { open: Boolean(step.body || step.headers || step.template) },
      h("summary", null, words("rules.body_and_headers")),
      h("label", { class: "field" }, h("span", null, words("body")), body),
      h("label", { class: "choice" }, template, words("rules.template")),
      h("label", { class: "field" }, h("span", null, words("send.headers")), headers)));
  return {
    element,
    read() {
      const pairs = parseHeaders(headers.value);
      return {
        status: Number(status.value),
        ...filled({ times: number(times.value), delay: delay.value.trim(), jitter: jitter.value.trim(), template: template.checked, headers: pairs.length ? pairs : undefined }),
        ...(body.value ? { body: body.value } : step.body_base64 && { body_base64: step.body_base64 }),
      };
    },
  };
}
