// One request: what it is, what can be done with it, and its tabs.

import { binPath } from "../../api.js";
import { createTabs } from "../../components/tabs.js";
import { explain } from "../../components/term.js";
import { showError, toast } from "../../components/toast.js";
import { fill, h, visible, visibleText } from "../../dom.js";
import { callbackSummary, clock, isSuccess, seconds } from "../../format.js";
import { hashOf } from "../../router.js";
import { answerForm } from "./answer_form.js";
import { callTab } from "./call_tab.js";
import { openComparison } from "./compare.js";
import { copyMenu } from "./copy_menu.js";
import { openReplay } from "./replay.js";
import { answeredTab, cameInTab, rawTab, timingTab } from "./request_tabs.js";
import { openRules, ruleFromRequest } from "./rules.js";

export const MARKS = ["red", "orange", "green", "blue", "purple"];

export function createRequestDetail(context, { list }) {
  const { api, store, words } = context;
  const element = h("article", { class: "detail", id: "detail", "aria-label": words("request.label") });
  let bin = "";
  let id = "";
  let turn = 0;
  let tab = "came_in";
  let clockTimer = 0;
  const path = (rest = "") => binPath(bin, `/requests/${encodeURIComponent(id)}${rest}`);

  async function show(nextBin, nextId) {
    const isOther = nextBin !== bin || nextId !== id;
    [bin, id] = [nextBin, nextId];
    if (!id) {
      turn += 1;
      clearInterval(clockTimer);
      return void element.replaceChildren();
    }
    if (isOther || !element.childElementCount) await refresh();
  }

  let isReading = false;
  let isStale = false;

  /** Read the request again; of many wishes meanwhile, only the last one is met. */
  async function refresh() {
    isStale = true;
    if (isReading) return;
    isReading = true;
    while (isStale && id) {
      isStale = false;
      await readOnce();
    }
    isReading = false;
  }

  async function readOnce() {
    const mine = (turn += 1);
    try {
      const request = await api.get(path());
      if (mine === turn) render(request);
    } catch (error) {
      if (mine !== turn) return;
      if (store.get("isRecord")) return void fill(element, ofRecord(list.request(id)));
      fill(element, h("p", { class: "notice" }, error.status === 404 ? words("request.deleted") : error.sentence ?? error.message));
    }
  }

  /** A record of a run keeps of a request only what the list shows. */
  function ofRecord(request) {
    const call = request?.openfaas;
    return [
      h("p", { class: "notice" }, words("request.recorded")),
      call?.call_id && [
        h("p", null, visible(callbackSummary(words, call))),
        h("p", null, h("a", { href: hashOf("calls", call.call_id) }, words("call.timeline")))],
    ];
  }

  function render(request) {
    clearInterval(clockTimer);
    // What the user is typing, and where, survives a refresh.
    const note = noteField(request);
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.action : "";
    const target = request.path + (request.query_string && `?${request.query_string}`);
    const isOpen = "response" in request && request.response === null;
    const tabs = createTabs({
      label: words("request.tabs"),
      selected: tab,
      onShow: (name) => {
        tab = name;
      },
      tabs: [
        ["came_in", () => cameInTab(context, request)],
        ["answered", () => answeredTab(context, request, () => openRules(context, request.bin))],
        ["timing", () => timingTab(context, request)],
        ["call", () => callTab(context, request)],
        ["raw", () => rawTab(context, request)],
      ].map(([name, build]) => ({ name, label: words(`tab.${name}`), build })),
    });
    const callback = request.openfaas;
    const summary = callbackSummary(words, callback);
    fill(
      element,
      h("header", { class: "detail-head" },
        h("div", { class: "row" }, h("h3", null, h("span", { class: "method" }, visible(request.method)), " ", h("span", { class: "target" }, visible(target))), status(request), signature(request)),
        summary && explain(h("p", { class: `openfaas ${isSuccess(callback.function_status ?? 200) ? "" : "failed"}`, tabindex: "0" }, visible(summary)), words("callback.help")),
        h("p", { class: "metadata secondary small-text" }, visible([`#${request.seq}`, clock(request.received_at), words("request.from", { address: `${request.remote_addr}:${request.remote_port}` }), `HTTP/${request.http_version}`, words("request.id", { id: request.id })].join(" · ")),
          request.replay_of && [" · ", h("a", { href: `#/bins/${encodeURIComponent(bin)}/${encodeURIComponent(request.replay_of)}` }, words("request.replay_of"))]),
        toolbar(request),
        note,
      ),
      isOpen && store.get("bins").get(bin)?.hold && answerForm(context, request),
      tabs.element,
    );
    if (focused) element.querySelector(`[data-action="${focused}"]`)?.focus();
    if (isOpen) clockTimer = setInterval(() => tickOpen(request), 100);
  }

  function status(request) {
    if (!("response" in request)) return null;
    const response = request.response;
    if (response === null) return h("span", { class: "badge wait", id: "open-clock" }, words("requests.open"));
    const text = response.status === 0 ? words("requests.cut") : words("request.answered", { status: response.status });
    return h("span", { class: `badge ${isSuccess(response.status) ? "good" : "bad"}` }, text);
  }

  function tickOpen(request) {
    const open = document.getElementById("open-clock");
    if (open) open.textContent = words("requests.open.since", { time: seconds((Date.now() - Date.parse(request.received_at)) / 1000) });
  }

  function signature({ signature: verdict }) {
    if (!verdict) return null;
    const name = { true: "good", false: "bad", null: "unknown" }[verdict.valid];
    const kind = { good: "good", bad: "bad", unknown: "wait" }[name];
    const badge = h("button", { type: "button", class: `badge signature ${kind}`, id: "signature" }, words(`signature.${name}`));
    return explain(badge, visibleText(`${verdict.why}. ${words("signature.help")}`));
  }

  function toolbar(request) {
    const action = (name, label, onClick, properties = {}) => h("button", { type: "button", data: { action: name }, on: { click: onClick }, ...properties }, label);
    return h(
      "div",
      { class: "toolbar", role: "group", "aria-label": words("request.actions") },
      action("replay", words("replay.open"), () => openReplay(context, request)),
      copyMenu(context, request),
      action("compare", words("compare.open"), () => compare(request)),
      action("rule", words("rules.from_request"), () => openRules(context, request.bin, ruleFromRequest(request))),
      action("pin", words(request.pinned ? "unpin" : "pin"), () => annotate({ pinned: !request.pinned }), { "aria-pressed": String(Boolean(request.pinned)) }),
      h("div", { class: "marks", role: "radiogroup", "aria-label": words("mark") },
        ["", ...MARKS].map((mark) => {
          const isChosen = (request.mark ?? "") === mark;
          return action(`mark-${mark}`, isChosen && mark ? "✓" : "", () => annotate({ mark }), {
            role: "radio", class: "mark", "aria-checked": String(isChosen), "aria-label": words(`mark.${mark || "none"}`), title: words(`mark.${mark || "none"}`), "data-mark": mark || "none",
          });
        })),
      h("span", { class: "space" }),
      action("delete", words("delete"), remove, { class: "delete" }),
    );
  }

  function noteField(request) {
    const kept = element.querySelector(".note input");
    const isTyping = kept && kept === document.activeElement && kept.dataset.id === request.id;
    const input = h("input", {
      "aria-label": words("note"), placeholder: words("note.placeholder"), data: { id: request.id, action: "note" }, maxlength: "10000",
      prop: { value: isTyping ? kept.value : request.note ?? "" },
      on: { change: () => annotate({ note: input.value }) },
    });
    return h("div", { class: "note" }, input);
  }

  async function annotate(changes) {
    try {
      await api.patch(path(), changes);
      await refresh();
    } catch (error) {
      if (error.isMissing) toast(words("missing"), "error");
      else showError(error);
    }
  }

  async function remove() {
    await api.delete(path()).catch(showError);
  }

  async function compare(request) {
    const other = await list.pick();
    if (other && other !== request.id) openComparison(context, request, list.request(other));
  }

  return {
    element, show, refresh,
    shown: () => id,
    close: () => clearInterval(clockTimer),
  };
}
