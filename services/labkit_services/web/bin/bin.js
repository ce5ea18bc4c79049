// A bin: the requests it captured, newest first, and what it answers. Data in, DOM out.

import { h } from "../dom.js";
import { sayer } from "../timeline/say.js";
import { applyMarks } from "../timeline/theme.js";
import { createDetail } from "./detail.js";
import { createHead } from "./head.js";
import { createRow } from "./row.js";

const ANNOUNCE_MS = 2_000;
const COLUMNS = ["number", "time", "what", "function", "call", "answer", "body"];

const sentences = (...parts) => parts.filter(Boolean).map((part) => part.replace(/\.$/, "")).join(". ");

/**
 * Options: `words`, `marks`, `name`; `send(method, path, body)` resolves with
 * {status, body}, status 0 if the lab can't be reached; `announce(text)`.
 * Returns {setData, setNow, setPage, destroy}.
 */
export function createBin(root, { words: catalogue, marks, name, send, announce = () => {} }) {
  const words = sayer(catalogue);
  const abort = new AbortController();
  const path = (rest = "") => `api/v1/bins/${encodeURIComponent(name)}${rest}`;
  const requestPath = (id, rest = "") => path(`/requests/${encodeURIComponent(id)}${rest}`);
  const rows = new Map(); // id → {row, request, text}
  let data = { bin: null, requests: [], state: "lost" };
  let until = null;
  let selected = "";
  let newest = 0;
  let timer = 0;

  const head = createHead(words, { name, signal: abort.signal, actions: { choose, release: (status) => answer(heldIds(), status) } });
  const detail = createDetail(words, { read: (id) => attempt(["GET", requestPath(id)]), answer });
  const body = h("tbody", { on: { keydown } });
  const table = h("table", { class: "bn-list" },
    h("caption", { class: "bn-hidden" }, words("bin.requests")),
    h("thead", null, h("tr", null, COLUMNS.map((column) => h("th", { scope: "col", class: `bn-${column}` }, words(`bin.column.${column}`))))), body);
  const empty = h("p", { class: "bn-empty" }, words("bin.empty"));
  const scroller = h("div", { class: "bn-scroll bn-requests", tabindex: "0", role: "region", "aria-label": words("bin.requests") }, table);
  const element = h("div", { class: "bn", role: "region", "aria-label": words("bin.label", { name }) }, head.element, empty, scroller, detail.element);
  applyMarks(element, marks);
  root.append(element);

  const heldIds = () => (data.bin?.hold ? data.requests.filter(({ status }) => status === null).map(({ id }) => id) : []);

  function show() {
    const shown = data.requests.filter((request) => until === null || Date.parse(request.received_at) / 1000 <= until);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, { row }] of rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    let place = body.firstElementChild;
    for (const request of shown) {
      const entry = rows.get(request.id) ?? makeRow(request);
      const text = JSON.stringify(request);
      if (entry.text !== text) {
        entry.text = text;
        entry.row.show(request);
        if (request.id === selected && entry.status !== request.status) detail.show(request);
        entry.status = request.status;
      }
      if (entry.row.element === place) place = place.nextElementSibling;
      else body.insertBefore(entry.row.element, place);
    }
    empty.hidden = shown.length > 0;
    scroller.hidden = shown.length === 0;
    if (selected && !rows.has(selected)) select("");
    mark();
    head.show({ bin: data.bin, held: heldIds(), state: data.state });
  }

  function makeRow({ id }) {
    const entry = { row: createRow(words, () => select(id === selected ? "" : id)), text: "", status: undefined };
    rows.set(id, entry);
    return entry;
  }

  function select(id) {
    selected = id;
    mark();
    detail.show(data.requests.find((request) => request.id === id) ?? null);
  }

  /** Tab leads to one row: the selected one, or the newest. */
  function mark() {
    const reached = rows.get(selected)?.row.button ?? body.querySelector("button");
    for (const { row } of rows.values()) {
      row.button.tabIndex = row.button === reached ? 0 : -1;
      row.element.classList.toggle("bn-selected", row.button === reached && selected !== "");
      row.button.setAttribute("aria-expanded", String(row.button === reached && selected !== ""));
    }
  }

  function keydown(event) {
    const row = event.target.closest("tr");
    const to = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling, Home: body.firstElementChild, End: body.lastElementChild }[event.key];
    if (event.key === "Escape" && selected) select("");
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    const button = to.querySelector("button");
    for (const each of body.querySelectorAll("button")) each.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  }

  // -- what is changed

  async function choose(choice) {
    const before = data.bin;
    const steps = choice === "hold" ? [["PUT", path("/hold"), { enabled: true }]]
      : [...(before?.hold ? [["DELETE", path("/hold")]] : []), ["PUT", path(), { answer: Number(choice) }]];
    await run(steps, words("bin.chosen", { choice: words(`bin.answer.${choice}`) }));
  }

  async function answer(ids, status) {
    await run(ids.map((id) => ["PUT", requestPath(id, "/response"), { status }]), words("bin.released", { n: ids.length, status }));
  }

  /** Send the requests in turn; a held request that was answered meanwhile is no problem. */
  async function run(steps, done) {
    head.setProblem("");
    for (const step of steps) {
      const { status, body: told } = await attempt(step);
      if ((status >= 200 && status < 300) || status === 409) continue;
      head.setProblem(sentences(told?.error ?? words("bin.unreachable"), told?.seen, told?.next));
      return head.show({ bin: data.bin, held: heldIds(), state: data.state });
    }
    announce(done);
  }

  async function attempt(step) {
    try {
      return await send(...step);
    } catch (error) {
      return { status: 0, body: { error: String(error.message ?? error) } };
    }
  }

  function tell() {
    const last = data.requests[0]?.seq ?? 0;
    if (last <= newest || timer) return;
    const isFirst = newest === 0;
    newest = last;
    if (isFirst) return;
    announce(words("bins.announce", { method: data.requests[0].method, n: data.bin?.count ?? data.requests.length }));
    timer = setTimeout(() => { timer = 0; tell(); }, ANNOUNCE_MS);
  }

  show();
  return {
    /** Show {bin, requests, state}: all of it, newest request first. */
    setData(content) {
      data = { bin: content.bin ?? data.bin, requests: content.requests ?? [], state: content.state ?? "live" };
      show();
      tell();
    },
    /** Show what had arrived at a Unix time in seconds; null is all. */
    setNow(seconds) {
      if (seconds === until) return;
      until = seconds;
      show();
    },
    /** The address of the bin's page, for this browser. */
    setPage: head.setPage,
    destroy() {
      abort.abort();
      clearTimeout(timer);
      element.remove();
    },
  };
}
