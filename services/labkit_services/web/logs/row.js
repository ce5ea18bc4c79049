// One line of a log as an element, and as text.

import { h, visible, visibleText } from "../dom.js";
import { LEVELS, rank } from "./model.js";

const SHOWN_CHARACTERS = 1_000;
// Services have filled marks, functions hollow ones; with the colours, each source looks different.
const FILLED = ["●", "■", "▲", "◆", "▼", "★"];
const HOLLOW = ["○", "□", "△", "◇", "▽", "☆"];
const COLOURS = 5;

export const shapeOf = ({ isFunction, style }) => (isFunction ? HOLLOW : FILLED)[style % FILLED.length];
export const colourOf = ({ style }) => String(style % COLOURS);

/** The name of a source with its mark: both the legend and the lines have it. */
export const sourceName = (source) => [
  h("i", { class: "lg-mark", "aria-hidden": "true" }, shapeOf(source)),
  h("b", { class: "lg-name", title: visibleText(source.name) }, visible(source.name))];

const clock = (seconds) => (Number.isFinite(seconds) ? new Date(seconds * 1000).toLocaleTimeString([], { hour12: false }) : "");
const shortId = (id) => (id.length > 12 ? `${id.slice(0, 8)}…` : id);

/** `callHref(id)` makes a call's id a link; without it, a click on it calls `onCall(id)`. */
export function createRow(line, source, { words, callHref, onCall }) {
  const at = rank(line.level);
  const text = h("span", { class: "lg-text" }, at >= 2 && [h("strong", null, words(`logs.level.${LEVELS[at]}`)), " "]);
  const rest = line.text.length - SHOWN_CHARACTERS;
  if (rest > 0 && !line.isOpen) {
    const more = h("button", { type: "button", class: "lg-more" }, words("logs.more", { n: rest }));
    more.addEventListener("click", () => {
      line.isOpen = true;
      more.replaceWith(...nodesOf(line.text.slice(SHOWN_CHARACTERS)));
    });
    text.append(...nodesOf(line.text.slice(0, SHOWN_CHARACTERS)), more);
  } else text.append(...nodesOf(line.text));
  if (line.call_id) text.append(" ", callLink(line.call_id, { words, callHref, onCall }));
  return h("li", { class: `log-line lg-line${at >= 2 ? ` ${LEVELS[at]}` : ""}`, data: { colour: colourOf(source) } },
    h("time", null, clock(line.seconds)),
    h("span", { class: "lg-source" }, source.isFunction && h("span", { class: "lg-hidden" }, words("logs.function"), " "), sourceName(source)), text);
}

const nodesOf = (text) => visible(text).map((node) => (typeof node === "string" ? document.createTextNode(node) : node));

function callLink(id, { words, callHref, onCall }) {
  const label = words("logs.call", { id: visibleText(id) });
  if (callHref) return h("a", { href: callHref(id), class: "lg-call", title: label }, visible(shortId(id)));
  return h("button", { type: "button", class: "lg-call", title: label, "aria-label": label, on: { click: () => onCall(id) } }, visible(shortId(id)));
}

/** A line for the clipboard: one line, without what hides or moves text. */
export const rowText = (line) => visibleText(`${clock(line.seconds)} ${line.service} ${line.level} ${line.text}`.replaceAll(/[\r\n]/g, " "));
