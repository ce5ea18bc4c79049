// The logs of all services, merged by time: filters, follow, links to calls.

import { unavailable } from "../components/unavailable.js";
import { fill, h, visible } from "../dom.js";
import { clock } from "../format.js";
import { hashOf } from "../router.js";

const EVENTS = "api/v1/logs/events";
const TAIL = 500;
const MOST_LINES = 2_000;
const LEVELS = ["debug", "info", "warning", "error"];
const rank = (level) => LEVELS.indexOf({ warn: "warning", critical: "error", fatal: "error" }[level] ?? level);

export function mount(root, context, route) {
  const { api, words } = context;
  let lines = [];
  const services = new Map(); // name → whether its lines are shown
  const chips = h("div", { class: "row", role: "group", "aria-label": words("logs.services") });
  const search = h("input", { type: "search", "data-search": true, autocomplete: "off", spellcheck: "false", placeholder: words("logs.search"), "aria-label": words("logs.search"), value: route.parts[0] ?? "", on: { input: show } });
  const level = h("select", { "aria-label": words("logs.level"), on: { change: show } }, LEVELS.map((each) => h("option", { value: each }, words(`logs.level.${each}`))));
  const follow = h("button", { type: "button", "aria-pressed": "true", id: "follow", on: { click: () => setFollow(!isFollowing()) } }, words("logs.follow"));
  const list = h("ol", { class: "log-lines" });
  const frame = h("div", { class: "log-frame", tabindex: "0", role: "region", "aria-label": words("nav.logs"), on: { scroll: onScroll } }, list);
  const message = h("div", { class: "log-message" });
  fill(root, h("div", { class: "page-head logs-head" }, h("h2", null, words("nav.logs")), chips, h("span", { class: "space" }), level, search, follow), message, frame);

  const isFollowing = () => follow.getAttribute("aria-pressed") === "true";
  const isShown = (line) => {
    const wanted = search.value.trim().toLowerCase();
    return services.get(line.service) !== false && (rank(line.level) < 0 || rank(line.level) >= rank(level.value)) &&
      (!wanted || `${line.service} ${line.text} ${line.call_id ?? ""}`.toLowerCase().includes(wanted));
  };

  function setFollow(wanted) {
    follow.setAttribute("aria-pressed", String(wanted));
    if (wanted) frame.scrollTop = frame.scrollHeight;
  }

  function onScroll() {
    const atEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 24;
    if (atEnd !== isFollowing()) follow.setAttribute("aria-pressed", String(atEnd));
  }

  function row(line) {
    return h("li", { class: `log-line ${rank(line.level) >= 2 ? line.level : ""}` },
      h("time", { class: "secondary" }, line.time ? clock(typeof line.time === "number" ? line.time * 1000 : line.time).slice(0, 8) : ""),
      h("span", { class: "service" }, visible(line.service)),
      h("span", { class: "text" }, rank(line.level) >= 2 && [h("strong", null, words(`logs.level.${LEVELS[rank(line.level)]}`)), " "], visible(line.text),
        line.call_id && [" ", h("a", { href: hashOf("calls", line.call_id) }, visible(line.call_id.length > 12 ? `${line.call_id.slice(0, 8)}…` : line.call_id))]));
  }

  function put(line) {
    lines.push(line);
    if (!services.has(line.service)) {
      services.set(line.service, true);
      chips.append(h("button", { type: "button", class: "chip service-chip", "aria-pressed": "true", on: { click: (event) => toggle(line.service, event.currentTarget) } }, visible(line.service)));
    }
  }

  function toggle(service, chip) {
    services.set(service, !services.get(service));
    chip.setAttribute("aria-pressed", String(services.get(service)));
    show();
  }

  function show() {
    fill(list, lines.filter(isShown).map(row));
    fill(message, lines.length === 0 ? empty(words) : list.childElementCount === 0 && h("p", { class: "secondary" }, words("logs.none")));
    if (isFollowing()) frame.scrollTop = frame.scrollHeight;
  }

  // Lines that arrive together are painted together.
  let arrived = [];
  let frameRequest = 0;
  function add(line) {
    arrived.push(line);
    frameRequest ||= requestAnimationFrame(() => {
      frameRequest = 0;
      const fresh = arrived;
      arrived = [];
      if (!lines.length) fill(message);
      fresh.forEach(put);
      list.append(...fresh.filter(isShown).map(row));
      if (lines.length > MOST_LINES) {
        lines = lines.slice(-MOST_LINES);
        while (list.childElementCount > MOST_LINES) list.firstElementChild.remove();
      }
      if (isFollowing()) frame.scrollTop = frame.scrollHeight;
    });
  }

  async function read() {
    try {
      const answer = await api.get(`api/v1/logs?tail=${TAIL}`);
      lines = [];
      arrived = [];
      answer.lines.forEach(put);
      show();
    } catch (error) {
      fill(message, unavailable(words, "logs", error));
    }
  }

  const stop = api.listen(EVENTS, { hello: read, missing: read, lines: (event) => event.lines.forEach(add) });
  return {
    update(next) {
      if (next.parts[0]) search.value = next.parts[0];
      show();
    },
    unmount() {
      stop();
      cancelAnimationFrame(frameRequest);
    },
  };
}

const empty = (words) => h("section", { class: "empty" }, h("h3", null, words("logs.empty.title")), h("p", null, words("logs.empty.text")));
