// Above the requests: both addresses of the bin, and what it answers now.

import { copyText } from "../clipboard.js";
import { fill, h, visible } from "../dom.js";

const CHOICES = ["200", "503", "hold"];
const COPIED_MS = 1_200;

/** What a bin does with the next request: "200", "503", "hold", or another status as text. */
export const choiceOf = (bin) => (bin?.hold ? "hold" : bin ? String(bin.answer) : "");

/** `actions`: {choose(choice), release(status)}. Returns {element, show({bin, held, state}), setPage(url)}. */
export function createHead(words, { name, actions, signal }) {
  const title = h("strong", { class: "bn-title" }, words("bin.title"), " ", visible(name));
  const count = h("span", { class: "bn-quiet bn-total" });
  const state = h("span", { class: "bn-badge", hidden: true });
  const url = h("code", { class: "bn-url" });
  const copy = h("button", { type: "button" }, words("copy"));
  const link = h("a", { target: "_blank", rel: "noopener", class: "bn-url" });
  const linkLine = h("p", { class: "bn-address", hidden: true }, h("span", { class: "bn-label" }, words("bin.for_browser")), link);
  const group = h("fieldset", { class: "bn-choices" }, h("legend", null, words("bin.answers")));
  const radios = new Map(CHOICES.map((choice) => {
    const input = h("input", { type: "radio", name: `bn-${Math.random().toString(36).slice(2)}`, value: choice });
    input.addEventListener("change", () => actions.choose(choice), { signal });
    group.append(h("label", null, input, words(`bin.answer.${choice}`)));
    return [choice, input];
  }));
  const [group_name] = [...radios.values()].map((input) => input.name);
  for (const input of radios.values()) input.name = group_name;
  const held = h("p", { class: "bn-held", hidden: true });
  const note = h("p", { class: "bn-note", hidden: true });
  const problem = h("p", { class: "bn-problem", role: "alert", hidden: true });
  let timer = 0;
  copy.addEventListener("click", async () => {
    await copyText(url.textContent);
    copy.textContent = words("copied");
    clearTimeout(timer);
    timer = setTimeout(() => { copy.textContent = words("copy"); }, COPIED_MS);
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  const element = h("div", { class: "bn-head" },
    h("div", { class: "bn-row" }, title, count, state),
    h("p", { class: "bn-address" }, h("span", { class: "bn-label" }, words("bin.for_header")), url, copy), linkLine, group, held, note, problem);

  function show({ bin, held: ids, state: now }) {
    count.textContent = bin ? words("bins.count", { n: bin.count }) : "";
    state.hidden = now === "live";
    state.textContent = words(`bin.state.${now}`);
    state.className = `bn-badge ${now === "live" ? "bn-good" : "bn-bad"}`;
    if (bin) url.textContent = bin.url;
    const choice = choiceOf(bin);
    for (const [each, input] of radios) input.checked = each === choice;
    const parts = [];
    if (bin && !CHOICES.includes(choice)) parts.push(words("bin.answers_other", { status: choice === "0" ? words("bin.cut") : choice }));
    if (bin?.forward) parts.push(words("bin.forwards"));
    if (bin?.rules) parts.push(words("bin.rules", { n: bin.rules }));
    note.hidden = !parts.length;
    note.textContent = parts.join(" ");
    held.hidden = !ids.length;
    if (held.dataset.count !== String(ids.length)) {
      held.dataset.count = ids.length;
      fill(held, words("bin.held", { n: ids.length }), " ",
        [200, 503].map((status) => h("button", { type: "button", data: { release: status }, on: { click: () => actions.release(status) } }, words("bin.answer_with", { status }))));
    }
  }

  return {
    element, show,
    setPage(page) {
      link.href = link.textContent = page;
      linkLine.hidden = false;
    },
    setProblem(text) {
      problem.hidden = !text;
      problem.textContent = text;
    },
  };
}
