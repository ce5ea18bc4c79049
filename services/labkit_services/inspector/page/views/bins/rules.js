// The rules editor: which response a bin gives to which request, in which order.

import { binPath } from "../../api.js";
import { openDialog } from "../../components/dialog.js";
import { createTabs } from "../../components/tabs.js";
import { term } from "../../components/term.js";
import { toast } from "../../components/toast.js";
import { fill, h } from "../../dom.js";
import { createRuleForm } from "./rule_form.js";

const EXAMPLES = {
  retry: { name: "two failures, then success", method: "POST", status: 503, times: 2, then: [{ status: 200 }] },
  slow: { name: "slow", delay: "2s", jitter: "500ms", status: 200 },
  echo: { name: "echo", status: 200, template: true, body: '{"you sent": "{{request.body}}"}', headers: { "Content-Type": "application/json" } },
};

/** Return a rule that answers requests like this one as it was answered. */
export function ruleFromRequest(request) {
  const when = { subpath: request.subpath };
  if (request.openfaas?.function_name) when.function = request.openfaas.function_name;
  return { name: `like #${request.seq}`, method: request.method, when, status: request.response?.status || 200 };
}

export async function openRules(context, bin, added = null) {
  const { api, words } = context;
  let rules;
  try {
    const answer = await api.get(binPath(bin, "/responses"));
    rules = (answer.rules ?? answer).map(({ used: _, ...rule }) => rule);
  } catch (error) {
    return void toast(error.isMissing ? words("missing") : error.sentence, "error");
  }
  if (added) rules.unshift(added);
  return openDialog({ words, title: words("rules.title", { bin }), className: "wide rules" }, (close) => {
    const error = h("p", { class: "error", role: "alert" });
    let forms = [];
    let text = null; // the textarea of the JSON tab, while it is shown

    function collect() {
      if (text) return JSON.parse(text.value);
      return forms.map((form) => form.read());
    }

    function remember() {
      try {
        rules = collect();
        error.textContent = "";
        return true;
      } catch (problem) {
        error.textContent = words("rules.invalid", { why: problem.message });
        return false;
      }
    }

    function buildForms() {
      text = null;
      const list = h("ol", { class: "rule-list" });
      const show = () => fill(list, forms.map((form) => form.element), !forms.length && h("li", { class: "secondary" }, words("rules.none")));
      const move = (form, step) => {
        const at = forms.indexOf(form);
        forms.splice(at, 1);
        if (step !== null) forms.splice(Math.max(0, at + step), 0, form);
        show();
      };
      const make = (rule) => createRuleForm(words, rule, { onRemove: (form) => move(form, null), onUp: (form) => move(form, -1) });
      forms = rules.map(make);
      show();
      const add = (rule) => {
        forms.push(make(rule));
        show();
        list.lastElementChild.querySelector("input, select").focus();
      };
      return [
        h("p", { class: "secondary" }, words("rules.text")),
        list,
        h("div", { class: "row" },
          h("button", { type: "button", id: "add-rule", on: { click: () => add({ status: 200 }) } }, words("rules.add")),
          h("span", { class: "secondary" }, words("rules.examples")),
          Object.entries(EXAMPLES).map(([name, rule]) => h("button", { type: "button", class: "chip", on: { click: () => add(rule) } }, words(`rules.example.${name}`)))),
      ];
    }

    function buildJson() {
      text = h("textarea", { rows: "16", spellcheck: "false", "aria-label": words("rules.json"), prop: { value: JSON.stringify(rules, null, 2) } });
      return [h("p", { class: "secondary" }, words("rules.json.text")), text];
    }

    const tabs = createTabs({
      label: words("rules.views"),
      tabs: [
        { name: "form", label: words("rules.form"), build: () => (text && remember(), buildForms()) },
        { name: "json", label: "JSON", build: () => (remember(), buildJson()) },
      ],
    });

    async function save() {
      if (!remember()) return;
      try {
        const answer = await api.put(binPath(bin, "/responses"), rules);
        for (const warning of answer?.warnings ?? []) toast(warning);
        toast(words("rules.saved", { n: rules.length }));
        close();
      } catch (problem) {
        error.textContent = problem.isMissing ? words("missing") : problem.sentence;
      }
    }

    return h("div", { class: "dialog-body" }, tabs.element, error,
      h("div", { class: "actions" },
        term(words, "rule", words("rules.help")), h("span", { class: "space" }),
        h("button", { type: "button", on: { click: () => close() } }, words("dialog.cancel")),
        h("button", { type: "button", class: "primary", id: "save-rules", on: { click: save } }, words("rules.save"))));
  });
}
