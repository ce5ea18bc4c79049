// Says that a view needs a part of the lab that is not there.

import { h } from "../dom.js";

/** `key` as in words "missing.KEY"; other errors, such as a record's, are shown as the server says them. */
export const unavailable = (words, key, error) =>
  h(
    "div",
    { class: "notice" },
    h("p", null, error.isUnavailable ? words(`missing.${key}`) : error.sentence),
    error.status === 503 && h("p", { class: "secondary small-text" }, error.sentence),
  );
