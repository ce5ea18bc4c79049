// The tabs of a request: what came in, what was answered, when, and the bytes.

import { binPath } from "../../api.js";
import { copyButton } from "../../components/copy.js";
import { term } from "../../components/term.js";
import { h, svg, visible } from "../../dom.js";
import { bytes, decodeBase64, hexdump, seconds, shortTime } from "../../format.js";
import { bodyView } from "./body_view.js";

const HEX_STEP = 16 * 1024;

export function headersTable(words, headers) {
  return h(
    "table",
    { class: "headers" },
    h("thead", { class: "screen-reader" }, h("tr", null, h("th", { scope: "col" }, words("headers.name")), h("th", { scope: "col" }, words("headers.value")))),
    h("tbody", null, headers.map(([name, value]) => h("tr", null, h("th", { scope: "row" }, visible(name)), h("td", null, visible(value))))),
  );
}

const headersSection = (words, headers) => [
  h("h4", { class: "section-title" }, words("headers"), " ", h("span", { class: "secondary" }, words("headers.count", { n: headers.length }))),
  headersTable(words, headers),
];

export function cameInTab(context, request) {
  const { words } = context;
  const truncated =
    request.truncated &&
    h("p", { class: "notice cut" }, words("body.truncated", {
      kept: bytes(Math.floor((request.body_base64.length * 3) / 4)), size: bytes(request.content_length), hash: request.body_sha256,
    }));
  return [
    truncated,
    bodyView(context, {
      base64: request.body_base64, text: request.body, type: request.content_type, size: request.content_length, form: request.form,
      decoded: request.decoded, rawUrl: context.api.url(binPath(request.bin, `/requests/${request.id}/raw`)),
    }),
    headersSection(words, request.headers),
  ];
}

export function answeredTab(context, request, openRules) {
  const { words } = context;
  const response = request.response;
  if (!("response" in request)) return h("p", { class: "notice" }, words("missing"));
  if (!response) return h("p", { class: "notice" }, words("answered.open"));
  const facts = [
    [words("answered.status"), response.status === 0 ? words("requests.cut") : String(response.status)],
    [words("answered.rule"), [visible(response.rule), " ", h("button", { type: "button", class: "quiet small-text", on: { click: openRules } }, words("rules.open"))]],
    response.reason && [words("answered.why"), visible(response.reason)],
    response.overridden_by && [words("answered.overridden"), visible(response.overridden_by)],
    [words("answered.delay"), shortTime((response.delay_ms ?? 0) / 1000)],
    request.timing?.held > 0 && [words("answered.held"), seconds(request.timing.held)],
  ].filter(Boolean);
  const content = response.body_base64 ?? "";
  return [
    h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
    bodyView(context, {
      base64: content, text: decodeText(content), size: Math.floor((content.replace(/=+$/, "").length * 3) / 4),
      type: (response.headers ?? []).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "",
    }),
    headersSection(words, response.headers ?? []),
  ];
}

function decodeText(base64) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64(base64));
  } catch {
    return undefined;
  }
}

const STAMPS = ["first_byte", "body_complete", "response_start", "response_end"];

export function timingTab({ words }, request) {
  const timing = request.timing ?? {};
  const known = STAMPS.filter((name) => timing[name] != null);
  const end = Math.max(...known.map((name) => timing[name]), 1e-6);
  const held = timing.held > 0 && timing.response_start != null ? timing.held : 0;
  return [
    h("table", { class: "timing" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, words("timing.step")), h("th", { scope: "col" }, words("timing.from_start")), h("th", { scope: "col" }, words("timing.delta")), h("th", { scope: "col" }, h("span", { class: "screen-reader" }, words("timing.bar"))))),
      h("tbody", null, STAMPS.map((name) => {
        const at = timing[name];
        const previous = known[known.indexOf(name) - 1];
        const from = previous ? timing[previous] : 0;
        return h("tr", { data: { stamp: name } },
          h("th", { scope: "row" }, term(words, `timing.${name}`)),
          h("td", null, at == null ? words("timing.not_yet") : shortTime(at)),
          h("td", null, at == null || !previous ? "" : `+${shortTime(at - from)}`),
          h("td", { class: "bar" }, at == null ? null : bar(from / end, at / end)));
      }))),
    held > 0 && h("p", { class: "secondary" }, words("timing.held", { time: seconds(held) })),
    request.openfaas && callbackTimes(words, request.openfaas),
  ];
}

const bar = (from, to) =>
  svg("svg", { viewBox: "0 0 200 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { x1: 0, x2: 200, y1: 5, y2: 5, class: "track" }),
    svg("rect", { x: 198 * from, width: Math.max(2, 198 * (to - from)), y: 1, height: 8, rx: 2, class: "part" }));

function callbackTimes(words, callback) {
  const times = [
    ["duration", callback.duration_seconds],
    ["queue_wait", callback.queue_wait_seconds],
    ["end_to_end", callback.end_to_end_seconds],
  ].filter(([, value]) => value != null);
  return times.length > 0 && [
    h("h4", { class: "section-title" }, words("timing.callback")),
    h("dl", { class: "facts" }, times.map(([name, value]) => [h("dt", null, term(words, name)), h("dd", null, seconds(value))])),
  ];
}

export function rawTab(context, request) {
  const { words, api } = context;
  const content = decodeBase64(request.body_base64);
  const head = [`${request.method} ${request.path}${request.query_string && `?${request.query_string}`} HTTP/${request.http_version}`, ...request.headers.map((pair) => pair.join(": "))].join("\n");
  let limit = 1024;
  const dump = h("pre", { class: "body hex", tabindex: "0", "aria-label": words("tab.raw") }, hexdump(content, limit));
  const more = h("button", { type: "button", hidden: content.length <= limit, on: { click: showMore } }, words("hex.more", { n: bytes(content.length) }));
  function showMore() {
    limit += HEX_STEP;
    dump.textContent = hexdump(content, limit);
    more.hidden = content.length <= limit;
  }
  return [
    h("h4", { class: "section-title" }, words("raw.head"), " ", copyButton(words, head)),
    h("pre", { class: "body", tabindex: "0" }, visible(head)),
    h("h4", { class: "section-title" }, words("raw.bytes"), " ", h("span", { class: "secondary" }, bytes(content.length)), " ",
      content.length > 0 && h("a", { class: "button raw", href: api.url(binPath(request.bin, `/requests/${request.id}/raw`)), target: "_blank", rel: "noopener" }, words("raw.open"))),
    content.length > 0 ? [dump, more] : h("p", { class: "secondary" }, words("body.empty")),
    h("p", { class: "secondary small-text hash" }, `SHA-256 ${request.body_sha256}`),
  ];
}
