// Shows what differs between two captured exchanges.

import { openDialog } from "../../components/dialog.js";
import { h, visible } from "../../dom.js";
import { decodeBase64, hexdump, seconds } from "../../format.js";
import { diffHeaders, diffLines } from "./differences.js";

export function openComparison({ words }, before, after) {
  const title = words("compare.title", { a: `#${before.seq}`, b: `#${after.seq}` });
  return openDialog({ words, title, className: "wide" }, () => h("div", { class: "dialog-body comparison" }, comparison(words, before, after)));
}

/** Return the sections of a comparison; each says so if nothing differs. */
export function comparison(words, before, after) {
  const target = (request) => `${request.method} ${request.path}${request.query_string && `?${request.query_string}`}`;
  return [
    section(words, "compare.request", [
      line(words, "compare.target", target(before), target(after)),
      headers(words, before.headers, after.headers),
      body(words, before.body_base64, after.body_base64),
    ]),
    section(words, "compare.response", [
      line(words, "answered.status", statusOf(words, before), statusOf(words, after)),
      headers(words, before.response?.headers ?? [], after.response?.headers ?? []),
      body(words, before.response?.body_base64 ?? "", after.response?.body_base64 ?? ""),
    ]),
    section(words, "compare.timing", [line(words, "compare.end", ended(before), ended(after))]),
  ];
}

const statusOf = (words, { response }) => (response ? String(response.status || words("requests.cut")) : words("requests.open"));
const ended = ({ timing }) => seconds(timing?.response_end);

function section(words, key, parts) {
  const shown = parts.filter(Boolean);
  return h("section", null, h("h3", null, words(key)), shown.length ? shown : h("p", { class: "secondary" }, words("compare.same")));
}

const row = (name, was, is) =>
  h("tr", null, h("th", { scope: "row" }, visible(name)), cell("del", was), cell("ins", is));
const cell = (tag, text) => h("td", null, text === null ? h("span", { class: "secondary" }, "–") : h(tag, null, visible(text)));

function table(words, rows) {
  return h("table", { class: "headers differences" },
    h("thead", { class: "screen-reader" }, h("tr", null, ["compare.what", "compare.before", "compare.after"].map((key) => h("th", { scope: "col" }, words(key))))),
    h("tbody", null, rows));
}

const line = (words, key, was, is) => was !== is && table(words, [row(words(key), was, is)]);

function headers(words, before, after) {
  const rows = diffHeaders(before, after);
  return rows.length > 0 && table(words, rows.map(({ name, before: was, after: is }) => row(name, was, is)));
}

function readable(base64) {
  const content = decodeBase64(base64);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return hexdump(content);
  }
}

function body(words, before, after) {
  if (before === after) return null;
  const signs = { same: " ", removed: "−", added: "+" };
  return h("pre", { class: "body diff", tabindex: "0", "aria-label": words("compare.body") },
    diffLines(readable(before), readable(after)).map(({ kind, text }) =>
      h("span", { class: kind }, `${signs[kind]} `, visible(text), "\n")));
}
