// The logs of all services and functions, merged: data in, DOM out.

import { copyText } from "../clipboard.js";
import { fill, h } from "../dom.js";
import { sayer } from "../timeline/say.js";
import { applyMarks } from "../timeline/theme.js";
import { LogModel } from "./model.js";
import { createRow, rowText } from "./row.js";
import { createToolbar } from "./toolbar.js";

const ROWS = 300; // as many as are in the document while the end is followed
const OLDER_ROWS = 200;
const NEAR = 24; // pixels
const COPIED_MS = 1_200;
const SHARE = 4; // painting takes at most a fourth of the time

/**
 * Options: `words`, `marks`; `callHref(id)`, the address of a call, if there
 * is a page of it; `announce(text)`. Returns {setLines, add, addSources,
 * setNow, search, showCall, destroy}.
 */
export function createLogs(root, { words: catalogue, marks, callHref, announce = () => {} }) {
  const words = sayer(catalogue);
  const model = new LogModel();
  let shown = []; // the lines that match, as they were when the reader stopped to follow
  let first = 0; // of `shown`: the first that has a row
  let fresh = []; // came since the last frame
  let isMixed = false; // some of these belong between older lines
  let frame = 0;
  let following = true;
  let held = false; // by the button: then scrolling to the end does not continue
  let missed = 0; // came while the end is not followed
  let timer = 0;
  let later = 0;

  const bar = createToolbar(model, { words, callHref, actions: { changed: render, follow: toggleFollow, copy, clear } });
  const list = h("ol", { class: "lg-lines" });
  const scroller = h("div", { class: "log-frame lg-frame", tabindex: "0", role: "region", "aria-label": words("logs.lines"), on: { scroll } }, list);
  const message = h("div", { class: "lg-message" });
  const toEnd = h("button", { type: "button", class: "lg-to-end", hidden: true, on: { click: () => setFollowing(true) } });
  const element = h("div", { class: "lg", role: "region", "aria-label": words("logs.label") }, bar.element, message, scroller,
    h("div", { class: "lg-foot" }, bar.count, toEnd));
  applyMarks(element, marks);
  root.append(element);
  const rowOf = (line) => createRow(line, model.sources.get(line.source), { words, callHref, onCall: bar.setCall });
  const rowsOf = (lines) => lines.map(rowOf);
  // Narrower, lines take more rows.
  const sizes = new ResizeObserver(() => { if (following) scroller.scrollTop = scroller.scrollHeight; });
  sizes.observe(scroller);
  const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;

  /** Show everything anew: after a change of the filter, or of all lines. */
  function render() {
    fresh = [];
    isMixed = false;
    shown = model.matching();
    first = Math.max(0, shown.length - ROWS);
    missed = 0;
    fill(list, rowsOf(shown.slice(first)));
    bar.showSources();
    showState();
    scroller.scrollTop = scroller.scrollHeight;
  }

  function showState() {
    const nothing = !shown.length && (model.lines.length && model.isFiltered ? h("p", null, words("logs.none")) : !model.lines.length && empty());
    fill(message, nothing);
    bar.setFollowing(following);
    const parts = [words("logs.count", { n: shown.length })];
    if (model.dropped) parts.push(words("logs.dropped", { n: model.dropped }));
    bar.count.textContent = parts.join(words("list.separator"));
    bar.count.classList.toggle("lg-some-dropped", model.dropped > 0);
    toEnd.hidden = following || !missed;
    toEnd.textContent = words("logs.missed", { n: missed });
  }

  const empty = () => h("div", { class: "empty" }, h("strong", null, words("logs.empty.title")), h("p", null, words("logs.empty.text")));

  /** Paint in the next frame; in a burst, less often. */
  function schedule() {
    frame ||= requestAnimationFrame(() => {
      const begin = performance.now();
      flush();
      later = setTimeout(() => {
        frame = 0;
        if (fresh.length) schedule();
      }, SHARE * (performance.now() - begin));
    });
  }

  /** Paint what came since the last time at once. */
  function flush() {
    const matching = fresh.filter(model.filter());
    fresh = [];
    bar.showSources();
    if (!following) {
      missed += matching.length;
      return showState();
    }
    if (matching.length >= ROWS || isMixed) return render();
    shown.push(...matching);
    shown = shown.slice(-model.lines.length);
    first = Math.max(0, shown.length - ROWS);
    list.append(...rowsOf(matching));
    while (list.childElementCount > shown.length - first) list.firstElementChild.remove();
    showState();
    scroller.scrollTop = scroller.scrollHeight;
  }

  function setFollowing(wanted) {
    if (wanted === following) return;
    following = wanted;
    if (wanted) {
      held = false;
      render();
    } else showState();
  }

  function toggleFollow() {
    held = following;
    announce(words(following ? "logs.paused" : "logs.following"));
    setFollowing(!following);
  }

  function scroll() {
    if (isAtEnd()) {
      if (!held) setFollowing(true);
    } else setFollowing(false);
    if (scroller.scrollTop < scroller.clientHeight && first > 0) showOlder();
  }

  function showOlder() {
    const from = Math.max(0, first - OLDER_ROWS);
    const before = scroller.scrollHeight - scroller.scrollTop;
    list.prepend(...rowsOf(shown.slice(from, first)));
    first = from;
    scroller.scrollTop = scroller.scrollHeight - before;
  }

  async function copy() {
    await copyText(shown.map(rowText).join("\n"));
    announce(words("logs.copied"));
    bar.setCopied(true);
    clearTimeout(timer);
    timer = setTimeout(() => bar.setCopied(false), COPIED_MS);
  }

  function clear() {
    model.clear();
    render();
  }

  render();
  return {
    model,
    /** Whether lines wait to be painted. */
    get isBehind() { return fresh.length > 0; },
    /** Show these lines in place of all others. */
    setLines(lines, dropped = 0) {
      model.clear();
      model.add(lines);
      model.total = dropped;
      render();
    },
    /** Add lines, oldest first; `dropped` is how many were left out since the beginning. */
    add(lines, dropped = 0) {
      model.total = dropped;
      fresh.push(...model.add(lines));
      isMixed ||= model.isMixed;
      if (fresh.length > model.lines.length) fresh = fresh.slice(-model.lines.length);
      schedule();
    },
    /** Make sources known that have no line yet: [{service, kind}]. */
    addSources(sources) {
      for (const { service, kind } of sources) model.addSource(service, kind);
      bar.showSources();
    },
    /** Show the lines up to a Unix time in seconds; null is all. */
    setNow(seconds) {
      if (seconds === model.until) return;
      model.until = seconds;
      render();
    },
    search: bar.setSearch,
    showCall: bar.setCall,
    destroy() {
      fresh = [];
      sizes.disconnect();
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      clearTimeout(later);
      element.remove();
    },
  };
}
