// What the page's modules build elements with.

export * from "../../web/dom.js";
