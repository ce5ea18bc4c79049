// Everything about one call: what decided its outcome, its durations, events and attempts, and what to do with it.

import { copyText } from "../../../web/clipboard.js";
import { copyButton } from "../components/copy.js";
import { explain, term } from "../components/term.js";
import { announce, showError, toast } from "../components/toast.js";
import { fill, h, visible, visibleText } from "../dom.js";
import { hashOf } from "../router.js";
import { openSendForm } from "../send_call.js";
import { stateOf } from "../../../web/timeline/model.js";
import { duration } from "../../../web/timeline/scale.js";
import { outcomeText } from "../../../web/words/outcome.js";
import { durationsOf, eventsOf, offset } from "./call_facts.js";

const GATEWAY = "http://127.0.0.1:8080";
const CANCELLABLE = new Set(["queued", "retrying", "delivered", "running"]);

/** Returns {show(call, {now}), clear()}. `onPoint({callId, attempt})` is called while an event is pointed at. */
export function createDetail(root, context, { onPoint, onClose }) {
  const { words } = context;
  let shown = "";

  function show(call, { now, readOnly = false }) {
    // A call that is under way changes all the time: draw again only what has changed.
    const key = JSON.stringify([call, call.settled ? 0 : Math.floor(now * 4)]);
    if (key === shown) return;
    shown = key;
    const focus = root.contains(document.activeElement) ? document.activeElement.dataset.part : null;
    const opened = [...root.querySelectorAll("details[open]")].map((each) => each.dataset.part);
    root.hidden = false;
    fill(root, heading(call), outcome(call), durations(call, now), events(call, onPoint, now), attempts(call), callbacks(call),
      actions(call, readOnly));
    for (const part of opened) root.querySelector(`details[data-part="${part}"]`)?.setAttribute("open", "");
    if (focus) root.querySelector(`[data-part="${focus}"]`)?.focus();
  }

  const heading = (call) => h("header", { class: "call-head" },
    h("h2", null, visible(call.function), " ", h("span", { class: `badge ${TONES[stateOf(call)] ?? ""}` }, words(`state.${stateOf(call)}`))),
    h("button", { type: "button", class: "quiet icon", "aria-label": words("call.close"), data: { part: "close" }, on: { click: onClose } }, "✕"),
    h("p", { class: "call-id" }, term(words, "call_id", "X-Call-Id"), " ", h("code", null, visible(call.callId)), " ",
      copyButton(words, call.callId)));

  function outcome({ outcome: found }) {
    if (!found) return null;
    return h("div", { class: "why" },
      h("p", null, visible(outcomeText(words, found, "reason"))),
      h("p", { class: "secondary" }, words("call.next"), " ", visible(outcomeText(words, found, "next"))));
  }

  function durations(call, now) {
    const facts = durationsOf(call, now);
    const rows = facts.rows.map(({ name, seconds, note, open }) => [
      h("dt", null, explain(h("button", { type: "button", class: "term", data: { part: `dt-${name}` } }, words(`duration.${name}`)), words(`duration.${name}.help`))),
      h("dd", null, duration(seconds), open && words("duration.open"), note && [" ", h("span", { class: "secondary" }, visible(note))]),
    ]);
    const left = facts.leftOut.map(({ name, seconds }) => words("timeline.part", { what: words(`duration.${name}`), time: duration(seconds) }));
    const note = facts.reported !== null && left.length > 0 && h("p", { class: "secondary small-text" },
      words("duration.header", { time: duration(facts.reported), parts: left.join(words("timeline.join")) }));
    return [h("dl", { class: "facts" }, rows), note];
  }

  function events(call, point, now) {
    const rows = eventsOf(call, words, now).map(({ time, kind, text, attempt, link }) => h("li",
      {
        data: { kind },
        on: { pointerenter: () => point({ callId: call.callId, attempt }), pointerleave: () => point(null) },
      },
      h("span", { class: "offset" }, offset(call, time)), " ", visible(text),
      link && [" ", h("a", { href: hashOf("bins", link.bin, link.id) }, visible(`${link.bin}${link.seq ? ` #${link.seq}` : ""}`))]));
    return h("section", null, h("h3", null, words("call.events")), h("ol", { class: "call-events" }, rows));
  }

  function attempts({ attempts: all = [], ...call }) {
    if (all.length < 2) return null;
    const columns = ["number", "started", "ran", "status", "exit", "delay"];
    const cells = (each) => [
      String(each.number), each.started ? offset(call, Date.parse(each.started) / 1000) : "–", each.ran == null ? "–" : duration(each.ran),
      String(each.status ?? "–"), each.process?.exitCode == null ? "–" : String(each.process.exitCode),
      each.retryDelay == null ? "–" : duration(each.retryDelay),
    ];
    return h("details", { open: true, data: { part: "attempts" } }, h("summary", null, words("call.attempts", { n: all.length })),
      h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": words("call.attempts", { n: all.length }) },
        h("table", { class: "compare" },
          h("thead", null, h("tr", null, columns.map((name) => h("th", { scope: "col" }, words(`attempt.${name}`))))),
          h("tbody", null, all.map((each) => [
            h("tr", null, cells(each).map((text, at) => (at ? h("td", null, text) : h("th", { scope: "row" }, text)))),
            each.error && h("tr", null, h("td", { colspan: columns.length, class: "bad" }, visible(each.error))),
          ])))));
  }

  function callbacks({ callbacks: all = [], callbackDeadReason: reason }) {
    if (!all.length) return null;
    const text = (each) => words("call.callback_line", {
      number: each.attempt, url: visibleText(each.url), answer: visibleText(each.status ?? (each.error || words("call.callback_open"))),
    });
    return h("details", { data: { part: "callbacks" } }, h("summary", null, words("call.callbacks", { n: all.length })),
      h("ul", { class: "call-callbacks" }, all.map((each) => h("li", null, text(each),
        each.redirectedTo && h("span", { class: "bad" }, " ", words("call.redirected", { url: visibleText(each.redirectedTo) }))))),
      reason && h("p", { class: "bad" }, visible(reason)));
  }

  function actions(call, readOnly) {
    const callback = call.callbacks?.[0]?.url ?? "";
    const again = () => openSendForm(context, { function: call.function, mode: call.mode ?? "async", callback });
    const curl = async () => {
      await copyText(curlOf(await gateway(), call, callback));
      announce(words("copied"));
      toast(words("call.curl_copied"));
    };
    const button = (name, click, more = {}) => explain(
      h("button", { type: "button", data: { part: name }, on: { click }, ...more }, words(`call.${name}`)), words(`call.${name}.help`));
    return h("div", { class: "row call-actions" },
      !readOnly && button("again", again), button("curl", curl),
      !readOnly && call.queue && (call.state === "dead" || call.callbackDeadReason) && button("redrive", () => redrive(call)),
      !readOnly && CANCELLABLE.has(call.state) && call.mode === "async" && button("cancel", () => cancel(call), { class: "danger" }));
  }

  /** The gateway's address; without a lab, where it usually is. */
  async function gateway() {
    try {
      return (await context.api.get("api/v1/functions")).gateway_url || GATEWAY;
    } catch {
      return GATEWAY;
    }
  }

  async function redrive(call) {
    const query = new URLSearchParams({ function: call.function });
    try {
      await context.api.post(`api/v1/queues/${encodeURIComponent(call.queue)}/dead-letters/${encodeURIComponent(call.callId)}/redrive?${query}`);
      toast(words("dead.redriven"));
    } catch (error) {
      showError(error);
    }
  }

  async function cancel(call) {
    try {
      const query = new URLSearchParams({ function: call.function });
      await context.api.delete(`api/v1/calls/${encodeURIComponent(call.callId)}?${query}`);
      toast(words("call.cancelled", { id: call.callId.slice(0, 6) }));
    } catch (error) {
      showError(error);
    }
  }

  return { show, clear() { shown = ""; root.hidden = true; root.replaceChildren(); } };
}

const TONES = { done: "good", failed: "bad", dead: "bad", retrying: "wait", queued: "wait" };
const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/** A command for a shell that makes the call again, without its body: the record does not hold it. */
export function curlOf(gateway, call, callback) {
  const path = call.mode === "sync" ? "function" : "async-function";
  const parts = ["curl -i", quoted(`${gateway}/${path}/${encodeURIComponent(call.function)}`), "-d ''"];
  if (callback && call.mode !== "sync") parts.push("-H", quoted(`X-Callback-Url: ${callback}`));
  return parts.join(" ");
}
