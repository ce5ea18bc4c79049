// Shows what differs between two captured exchanges, as the server found it.

import { binPath } from "../../api.js";
import { openDialog } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { h, visible } from "../../dom.js";

export async function openComparison({ api, words }, before, after) {
  let differences;
  try {
    differences = await api.get(binPath(before.bin, `/requests/${before.id}/diff?with=${after.id}`));
  } catch (error) {
    return void toast(error.isMissing ? words("missing") : error.sentence, "error");
  }
  const title = words("compare.title", { a: `#${before.seq}`, b: `#${after.seq}` });
  await openDialog({ words, title, className: "wide" }, () => h("div", { class: "dialog-body comparison" }, comparison(words, differences)));
}

/**
 * Return the sections of a comparison, `{request: [...], response: [...]}`.
 * Each difference is `{field, from, to}`, or `{field, lines}`: a unified diff.
 */
export function comparison(words, { request, response }) {
  return [section(words, "compare.request", request), section(words, "compare.response", response)];
}

function section(words, key, differences) {
  const fields = differences.filter(({ lines }) => !lines);
  return h(
    "section",
    null,
    h("h3", null, words(key)),
    differences.length === 0 && h("p", { class: "secondary" }, words("compare.same")),
    fields.length > 0 && table(words, fields),
    differences.filter(({ lines }) => lines).map(({ field, lines }) =>
      h("pre", { class: "body diff", tabindex: "0", "aria-label": words("compare.body", { field }) }, lines.map(line))),
  );
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const cell = (tag, value) => h("td", null, value === null || value === undefined ? h("span", { class: "secondary" }, "–") : h(tag, null, visible(shown(value))));

const table = (words, fields) =>
  h("table", { class: "headers differences" },
    h("thead", null, h("tr", null, ["compare.what", "compare.before", "compare.after"].map((key) => h("th", { scope: "col" }, words(key))))),
    h("tbody", null, fields.map(({ field, from, to }) => h("tr", null, h("th", { scope: "row" }, visible(field)), cell("del", from), cell("ins", to)))));

const KINDS = { "+": "added", "-": "removed", "@": "place" };
const line = (text) => h("span", { class: KINDS[text[0]] ?? "same" }, visible(text), "\n");
