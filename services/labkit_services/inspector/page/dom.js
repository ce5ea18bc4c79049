// Builds DOM nodes, as all browser code of labkit does.

export * from "../../web/dom.js";
