// The selected request: its headers and its body, as text; and an answer, if it is held.

import { copyText } from "../clipboard.js";
import { fill, h, visible } from "../dom.js";

const MOST_CHARACTERS = 20_000;

/** `actions`: {read(id) -> Promise<answer>, answer(ids, status)}. */
export function createDetail(words, actions) {
  const element = h("section", { class: "bn-detail", "aria-label": words("bin.detail"), hidden: true });
  let shown = "";
  let turn = 0;

  async function show(request) {
    const isOther = shown !== (request?.id ?? "");
    shown = request?.id ?? "";
    element.hidden = !request;
    if (!request) return fill(element);
    if (isOther) fill(element, head(request), h("p", { class: "bn-quiet" }, words("loading")));
    const mine = (turn += 1);
    const { status, body } = await actions.read(request.id);
    if (mine !== turn) return;
    if (status === 200) return render(request, body);
    fill(element, head(request), h("p", { class: "bn-problem" }, [body?.error ?? words("bin.unreadable"), body?.next].filter(Boolean).join(". ")));
  }

  const head = (request) => h("p", { class: "bn-which" }, visible(`#${request.seq} ${request.method} ${request.path}`.slice(0, 300)));

  function render(request, document) {
    const text = document.body;
    const copy = h("button", { type: "button", on: { click: async () => { await copyText(text); copy.textContent = words("copied"); } } }, words("copy"));
    fill(element,
      head(request),
      request.status === null && h("p", { class: "bn-answer-one" }, words("bin.held.one"), " ",
        [200, 503].map((status) => h("button", { type: "button", on: { click: () => actions.answer([request.id], status) } }, words("bin.answer_with", { status })))),
      h("p", { class: "bn-part" }, words("bin.headers")),
      h("div", { class: "bn-scroll", tabindex: "0", role: "region", "aria-label": words("bin.headers") },
        h("table", { class: "bn-headers" }, h("tbody", null, document.headers.map(([name, value]) =>
          h("tr", null, h("th", { scope: "row" }, visible(name)), h("td", null, visible(value))))))),
      h("p", { class: "bn-part" }, words("body"), " ", text && copy),
      bodyOf(document, text));
  }

  function bodyOf(document, text) {
    if (!document.content_length) return h("p", { class: "bn-quiet" }, words("bin.no_body"));
    if (text === undefined) return h("p", { class: "bn-quiet" }, words("bin.binary", { n: document.content_length }));
    const rest = text.length - MOST_CHARACTERS;
    return [
      h("pre", { tabindex: "0", role: "region", "aria-label": words("body") }, visible(text.slice(0, MOST_CHARACTERS))),
      rest > 0 && h("p", { class: "bn-quiet" }, words("logs.more", { n: rest }))];
  }

  return { element, show, shown: () => shown };
}
