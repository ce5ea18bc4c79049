// Copies text to the clipboard.

import { copyText } from "../../../web/clipboard.js";
import { h } from "../dom.js";
import { announce } from "./toast.js";

const SHOWN_MS = 1_200;

/** Return a button that copies `text`, or what the function `text` returns. */
export function copyButton(words, text, label = words("copy")) {
  const button = h("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    await copyText(typeof text === "function" ? await text() : text);
    announce(words("copied"));
    button.textContent = words("copied");
    setTimeout(() => {
      button.textContent = label;
    }, SHOWN_MS);
  });
  return button;
}

/** Return a code block with a copy button. */
export const snippet = (words, text, properties = {}) =>
  h("div", { class: "snippet" }, h("pre", { tabindex: "0", ...properties }, text), copyButton(words, text));
