// Builds DOM nodes. Text always becomes a text node, whatever it contains.

/**
 * Make an element. Properties: `class`, `data` (object), `style` (object of
 * CSS properties), `on` (object of listeners), `prop` (object of DOM
 * properties); any other is an attribute. null, undefined and false leave an
 * attribute or a child out.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") setStyle(element, value);
    else if (name === "on") for (const [kind, listener] of Object.entries(value)) element.addEventListener(kind, listener);
    else if (name === "prop") Object.assign(element, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

/** Append texts, nodes and nested arrays of them. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** Replace an element's children. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Set CSS properties through the CSSOM: the page's policy forbids style attributes. */
export function setStyle(element, style) {
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element with attributes. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  append(element, children);
  return element;
}

let lastId = 0;

/** Return an id that no other element of the page has. */
export const uniqueId = (prefix) => `${prefix}-${(lastId += 1)}`;

// Characters that change the direction of text, or show nothing. A joiner
// between two pictures is part of one emoji, and stays.
const HIDDEN = new RegExp(
  "(?<!\\p{Extended_Pictographic}\\uFE0F?)\\u200D|" +
    "[\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5" +
    "\\u180B-\\u180F\\u200B\\u200C\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFEFF\\uFFA0\\uFFF9-\\uFFFB]|" +
    "[\\u{E0000}-\\u{E007F}]",
  "gu",
);

/** Return captured text as nodes in which such characters are visible, as U+202E. */
export function visible(text) {
  const nodes = [];
  let end = 0;
  for (const match of String(text ?? "").matchAll(HIDDEN)) {
    if (match.index > end) nodes.push(text.slice(end, match.index));
    const code = `U+${match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    nodes.push(h("span", { class: "hidden-character" }, code));
    end = match.index + match[0].length;
  }
  if (end < String(text ?? "").length) nodes.push(String(text).slice(end));
  return nodes;
}

/** Return the same as a string, for attributes and titles. */
export const visibleText = (text) =>
  String(text ?? "").replace(HIDDEN, (hidden) => `[U+${hidden.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
