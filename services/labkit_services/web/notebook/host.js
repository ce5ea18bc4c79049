// What a live view in a notebook stands on. An entry module `notebook/<kind>.js` exports `mount(host)`, which returns
// {destroy()}; `host` has
//   root           the element to fill
//   words, marks   the catalogue of the reader's language (an object of texts by key) and the style table
//   settings       {kind, lang, label, run, options, record}: never a secret
//   feed           on(topic, handler) -> end(); see feed.js. Topics: calls, reset, ended, queues, services, functions, …
//   clock          now(), live, paused, on(handler), follow(draw); see clock.js. A view draws the state at clock.now()
//   api            send(method, path, body) -> Promise<{status, body}>; see api.js
//   announce(text) says a milestone to screen readers
//   problem(text)  shows a red line above the view; "" removes it
//   signal         aborted when the view goes: for addEventListener and fetch
//   reducedMotion  whether the reader asked for less motion
//   model          anywidget's model, for messages of the view's own: model.send({...})
// An error in a view's handler becomes the red line; nothing else stops.

import { createApi } from "./api.js";
import { createBar } from "./bar.js";
import { Clock } from "./clock.js";
import { Feed } from "./feed.js";
import { applyMarks } from "../timeline/theme.js";
import { sayer } from "../timeline/say.js";

const GONE_MS = 1000;
const shown = new WeakMap(); // model -> how many views of it are mounted

/** Show `mount`'s view in a widget; returns its clean-up. `data` is {words, marks, lang}. */
export function connect(mount, { model, el }, data) {
  const abort = new AbortController();
  const { signal } = abort;
  const say = sayer(data.words);
  const parts = createParts(el, say);
  applyMarks(parts.section, data.marks);
  const problem = (text) => { parts.problem.textContent = text; parts.problem.hidden = !text; };
  const failed = (error) => { problem(say("live.problem", { text: String(error?.message ?? error) })); console.error(error); };
  const settings = model.get("settings");
  const feed = new Feed(failed);
  const clock = new Clock({ feed, record: settings.record ?? null, failed, signal });
  const bar = createBar(parts.bar, { clock, feed, say, signal });
  const host = {
    root: parts.view, words: data.words, marks: data.marks, settings, feed, clock, signal, model, problem,
    api: createApi({ model, settings, signal }),
    announce: (text) => { parts.status.textContent = text; },
    reducedMotion: matchMedia("(prefers-reduced-motion: reduce)").matches,
  };
  const guarded = (handler) => (...values) => { try { return handler(...values); } catch (error) { failed(error); } };
  const onMessage = guarded((message) => { if (message.topics) feed.receive(message); });
  const onKeyframe = guarded(() => feed.receiveKeyframe(model.get("keyframe")));
  const onComm = guarded(() => { problem(say("live.kernel_gone")); clock.finish(feed.now()); });
  model.on("msg:custom", onMessage);
  model.on("change:keyframe", onKeyframe);
  model.on("comm_live_update", onComm);
  feed.on("ended", ({ text, next, now }) => { problem(say("live.ended", { text, next: next ?? "" })); clock.finish(now); });
  feed.on("problem", ({ text }) => problem(say("live.problem", { text })));
  onKeyframe();
  const view = guarded(mount)(host);
  asGroups(parts.view);
  const leave = arrive(model, el);
  return () => {
    abort.abort();
    model.off("msg:custom", onMessage);
    model.off("change:keyframe", onKeyframe);
    model.off("comm_live_update", onComm);
    guarded(() => view?.destroy())();
    bar.destroy();
    clock.destroy();
    feed.destroy();
    parts.section.remove();
    leave();
  };
}

function createParts(el, say) {
  const section = document.createElement("div");
  section.className = "lk";
  section.setAttribute("role", "group");
  section.setAttribute("aria-label", say("live.title"));
  const make = (name, className, role = "") => {
    const element = document.createElement(name);
    element.className = className;
    if (role) element.setAttribute("role", role);
    section.append(element);
    return element;
  };
  const bar = make("div", "lk-bar", "group");
  bar.setAttribute("aria-label", say("live.controls"));
  const problem = make("p", "lk-problem", "alert");
  problem.hidden = true;
  const view = make("div", "lk-view");
  const status = make("p", "lk-status", "status");
  el.append(section);
  return { section, bar, problem, view, status };
}

/** Make landmarks groups: a notebook may have many views, and two landmarks can't have the same name. */
function asGroups(view) {
  for (const landmark of view.querySelectorAll("[role=region]")) landmark.setAttribute("role", "group");
}

/**
 * Count a view of the model. When its last one goes, tell Python at once that it is "hidden", as when the notebook is
 * closed, after which nothing can be sent; and that it is "gone" if the notebook is still there a moment later: its
 * cell was deleted or shows something else, which closes the model.
 */
function arrive(model, el) {
  const count = shown.get(model) ?? 0;
  shown.set(model, count + 1);
  if (!count) send(model, "shown");
  let notebook = null;
  // JupyterLab may render a view before its output is in the page: it has a size when it is.
  const placed = new ResizeObserver(() => { notebook ??= el.closest(".jp-Notebook"); });
  placed.observe(el);
  return () => {
    placed.disconnect();
    notebook ??= el.closest(".jp-Notebook");
    shown.set(model, shown.get(model) - 1);
    if (shown.get(model)) return;
    send(model, "hidden");
    const shows = model.get("shows"); // shown again meanwhile, it has not gone
    setTimeout(() => { if (!shown.get(model) && notebook?.isConnected) send(model, "gone", { shows }); }, GONE_MS);
  };
}

function send(model, view, more = {}) {
  try {
    model.send({ view, ...more });
  } catch {
    // The kernel has gone, and the view's other side with it.
  }
}
