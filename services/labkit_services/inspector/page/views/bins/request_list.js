// The requests of a bin: newest first, live, with search and filters.

import { binPath, withQuery } from "../../api.js";
import { fill, h, visible, visibleText } from "../../dom.js";
import { ago, bytes, isSuccess } from "../../format.js";
import { createRequestFilters } from "./request_filters.js";

const PAGE = 100;
const MOST_ROWS = 500; // older ones are loaded again on request
const RELOAD_MS = 150;

/**
 * `onSelect(id, {isNewest})` is called for each selection, `id` "" for none;
 * `onNewest()` before the newest is selected by its button.
 */
export function createRequestList({ api, store, words }, { onSelect, onNewest }) {
  const { element: filterBar, query, isActive } = createRequestFilters(words, () => load().then(() => select(newest())));
  const rows = h("ol", { id: "requests", on: { keydown, click } });
  const dropped = h("p", { class: "secondary small-text", id: "dropped", hidden: true });
  const older = h("button", { type: "button", class: "quiet", id: "older", hidden: true, on: { click: loadOlder } }, words("requests.older"));
  const none = h("p", { class: "secondary", id: "no-match", hidden: true }, words("requests.none"));
  const toNewest = h("button", { type: "button", id: "newest", class: "primary", hidden: true, on: { click: showNewest } }, words("requests.newest"));
  const hint = h("p", { class: "pick-hint", role: "status", hidden: true }, words("compare.hint"));
  const scroller = h("div", { class: "scroller" }, rows, none, older, dropped);
  const element = h("section", { class: "request-list", "aria-label": words("requests.label") }, filterBar, hint, scroller, toNewest);
  const requests = new Map(); // id → { request, item, parts }
  let bin = "";
  let next = null;
  let selectedId = "";
  let loading = null; // what arrives while a list is loaded, newer than it
  let timer = 0;
  let reached = null; // the row that Tab leads to
  let pick = null; // resolves with the id of a row that is clicked

  const order = () => [...rows.children].map((item) => item.dataset.id);
  const newest = () => rows.firstElementChild?.dataset.id ?? "";
  const path = (extra) => withQuery(binPath(bin, "/requests"), { limit: PAGE, bodies: false, ...query(), ...extra });

  function reset(name) {
    bin = name;
    selectedId = "";
    next = null;
    requests.clear();
    rows.replaceChildren();
  }

  async function load() {
    if (!bin || !store.get("bins").has(bin)) return;
    const mine = (loading = { arrived: [], changed: new Map(), deleted: new Set() });
    const list = await api.get(path());
    if (mine !== loading) return; // a later one is being loaded
    loading = null;
    requests.clear();
    rows.replaceChildren();
    const known = new Set(list.requests.map(({ id }) => id));
    for (const request of [...mine.arrived.filter(({ id }) => !known.has(id)), ...list.requests]) {
      if (!mine.deleted.has(request.id)) rows.append(makeRow({ ...request, ...mine.changed.get(request.id) }));
    }
    showEnd(list);
    mark();
  }

  async function loadOlder() {
    const list = await api.get(path({ after: next ?? order().at(-1) }));
    for (const request of list.requests) if (!requests.has(request.id)) rows.append(makeRow(request));
    showEnd(list);
  }

  function showEnd(list) {
    next = list.next ?? null;
    older.hidden = !next;
    none.hidden = rows.childElementCount > 0;
    dropped.hidden = !list.dropped;
    dropped.textContent = words("requests.dropped", { n: list.dropped ?? 0 });
  }

  function makeRow(request) {
    const parts = {
      status: h("span", { class: "status" }),
      badge: h("span", { class: "badge" }),
      time: h("time", { datetime: request.received_at }),
      flags: h("span", { class: "flags" }),
    };
    const search = request.query_string ? `?${request.query_string}` : "";
    const button = h(
      "button",
      { type: "button", class: "request", tabindex: "-1" },
      h("span", { class: "line" }, h("span", { class: "method" }, visible(request.method)), parts.status, parts.badge, h("span", { class: "space" }), parts.flags, parts.time),
      h("span", { class: "line secondary" }, h("span", { class: "where", title: visibleText((request.subpath ?? "") + search) }, visible(`#${request.seq} ${request.subpath ?? ""}${search}`)), h("span", { class: "size" }, request.content_length == null ? "" : bytes(request.content_length))),
    );
    const item = h("li", { data: { id: request.id } }, button);
    const row = { request, item, button, parts };
    requests.set(request.id, row);
    showRow(row);
    return item;
  }

  function showRow({ request, item, parts }) {
    const callback = request.openfaas;
    const status = request.response?.status;
    item.dataset.mark = request.mark ?? "";
    parts.status.textContent = status == null ? words("requests.open") : status || words("requests.cut");
    parts.status.className = `status ${status == null ? "wait" : isSuccess(status) ? "good" : status ? "bad" : "wait"}`;
    parts.status.hidden = !("response" in request);
    const functionStatus = callback?.function_status;
    fill(parts.badge, visible([callback?.function_name, functionStatus].filter((part) => part != null).join(" ")));
    parts.badge.className = `badge function-status ${functionStatus == null ? "" : isSuccess(functionStatus) ? "good" : "bad"}`;
    parts.badge.hidden = !callback;
    parts.flags.textContent = [request.pinned && "📌", request.note && "✎", request.replay_of && "↻"].filter(Boolean).join(" ");
    parts.flags.title = request.note ? visibleText(request.note) : "";
    parts.time.textContent = ago(words, request.received_at);
  }

  /** Add requests that have just arrived, in the order of arrival. */
  function add(arrived, of) {
    if (loading) return void loading.arrived.unshift(...arrived.toReversed());
    if (isActive()) { // the server knows what matches
      clearTimeout(timer);
      timer = setTimeout(load, RELOAD_MS);
      return;
    }
    const top = scroller.scrollTop;
    const items = arrived.filter(({ id }) => !requests.has(id)).map(insert);
    // What is being read stays in place.
    if (top >= 4) scroller.scrollTop = top + items.reduce((sum, item) => sum + item.offsetHeight, 0);
    none.hidden = true;
    trim(of);
    mark();
  }

  function insert(request) {
    const item = makeRow(request);
    item.classList.add("arrived");
    const seqOf = (each) => requests.get(each.dataset.id).request.seq;
    // Requests are numbered in the order of arrival; events may not be.
    let place = rows.firstElementChild;
    while (place && seqOf(place) > request.seq) place = place.nextElementSibling;
    rows.insertBefore(item, place);
    return item;
  }

  /** Remove rows that the bin has dropped, and those that are too many to show. */
  function trim(of) {
    // Before the first is dropped, the count of an event may be older than the rows that were loaded.
    const most = of.dropped ? Math.min(of.count, MOST_ROWS) : MOST_ROWS;
    for (let left = rows.childElementCount; left > most; left -= 1) {
      const last = rows.lastElementChild;
      if (last.dataset.id === selectedId && left <= of.count) break;
      requests.delete(last.dataset.id);
      last.remove();
      if (left <= of.count) {
        next = rows.lastElementChild?.dataset.id ?? null;
        older.hidden = false;
      }
    }
    dropped.hidden = !of.dropped;
    dropped.textContent = words("requests.dropped", { n: of.dropped });
  }

  function change(request) {
    loading?.changed.set(request.id, request);
    const row = requests.get(request.id);
    if (!row) return;
    row.request = { ...row.request, ...request };
    showRow(row);
  }

  function remove(id) {
    loading?.deleted.add(id);
    const item = requests.get(id)?.item;
    if (!item) return selectedId;
    const neighbour = (item.nextElementSibling ?? item.previousElementSibling)?.dataset.id ?? "";
    requests.delete(id);
    item.remove();
    return neighbour;
  }

  function select(id) {
    selectedId = id;
    mark();
    onSelect(id, { isNewest: id === newest() });
    toNewest.hidden = !id || id === newest();
  }

  function mark() {
    // Tab leads to one row: the one that is selected, or the first.
    const chosen = requests.get(selectedId)?.button ?? null;
    const next = chosen ?? rows.querySelector("button");
    if (reached && reached !== next) reached.tabIndex = -1;
    if (reached && reached !== chosen) reached.removeAttribute("aria-current");
    chosen?.setAttribute("aria-current", "true");
    if (next) next.tabIndex = 0;
    reached = next;
    toNewest.hidden = !selectedId || selectedId === newest();
  }

  function click(event) {
    const id = event.target.closest("li")?.dataset.id;
    if (!id) return;
    if (pick) return finishPick(id);
    select(id);
  }

  function keydown(event) {
    if (event.key === "Escape" && pick) return finishPick(null);
    const item = event.target.closest("li");
    const to = { ArrowDown: item?.nextElementSibling, ArrowUp: item?.previousElementSibling, Home: rows.firstElementChild, End: rows.lastElementChild }[event.key];
    if (!to) return;
    event.preventDefault();
    const button = requests.get(to.dataset.id).button;
    button.focus();
    if (!pick) select(to.dataset.id);
    else to.scrollIntoView({ block: "nearest" });
  }

  function showNewest() {
    onNewest();
    scroller.scrollTop = 0;
    select(newest());
    requests.get(newest())?.button.focus({ preventScroll: true });
  }

  function finishPick(id) {
    pick?.(id);
    pick = null;
    hint.hidden = true;
    element.classList.remove("picking");
  }

  const clock = setInterval(() => {
    for (const { request, parts } of requests.values()) {
      const text = ago(words, request.received_at);
      if (parts.time.textContent !== text) parts.time.textContent = text;
    }
  }, 1_000);

  return {
    element, reset, load, add, change, remove, select, newest,
    has: (id) => requests.has(id),
    request: (id) => requests.get(id)?.request,
    selected: () => selectedId,
    isFiltered: isActive,
    /** Let the user choose another row; resolves with its id, or null. */
    pick() {
      finishPick(null);
      hint.hidden = false;
      element.classList.add("picking");
      (requests.get(selectedId)?.button ?? element).focus();
      return new Promise((resolve) => {
        pick = resolve;
      });
    },
    close() {
      clearInterval(clock);
      clearTimeout(timer);
    },
  };
}
