// One captured request as a row of the table.

import { fill, h, visible, visibleText } from "../dom.js";

const LONGEST = 300;

const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });
const isGood = (status) => status >= 200 && status < 300;

/** What the bin answered, in words. */
export function answered(request, words) {
  if (request.status === null) return words("bin.open");
  return request.status === 0 ? words("bin.cut") : String(request.status);
}

/** Returns {element, button, show(request)}. */
export function createRow(words, onSelect) {
  const button = h("button", { type: "button", class: "bn-select", on: { click: onSelect } });
  const cells = Object.fromEntries(["time", "what", "function", "call", "answer", "body"].map((name) => [name, h("td", { class: `bn-${name}` })]));
  const element = h("tr", { on: { click: (event) => event.target.closest("button, a") || onSelect() } }, h("th", { scope: "row", class: "bn-number" }, button), Object.values(cells));

  function show(request) {
    button.textContent = `#${request.seq}`;
    button.setAttribute("aria-label", words("bin.select", { n: request.seq }));
    cells.time.textContent = clock(request.received_at);
    const where = short(request.path + (request.query ? `?${request.query}` : ""));
    fill(cells.what, h("b", null, visible(short(request.method))), " ", h("span", { class: "bn-path", title: visibleText(where) }, visible(where)));
    const { function_status: status } = request;
    fill(cells.function, request.function && visible(short(request.function)),
      status !== null && status !== undefined && [" ", h("span", { class: `bn-badge ${isGood(status) ? "bn-good" : "bn-bad"}` }, `${isGood(status) ? "✓" : "✗"} ${status}`)]);
    fill(cells.call, request.call_id && h("code", { title: visibleText(request.call_id) }, visible(request.call_id.slice(0, 8))));
    fill(cells.answer, h("span", { class: `bn-badge ${request.status === null ? "bn-wait" : isGood(request.status) ? "bn-good" : "bn-bad"}` }, answered(request, words)));
    const text = request.preview ?? "";
    fill(cells.body, text ? visible(text.replaceAll(/\s+/g, " ")) : words(request.content_length ? "bin.bytes" : "bin.no_body", { n: request.content_length }));
    cells.body.classList.toggle("bn-quiet", !text);
  }

  return { element, button, show };
}
