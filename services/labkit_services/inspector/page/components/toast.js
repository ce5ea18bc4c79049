// Short messages: to a screen reader only, or shown for a while as well.

import { h } from "../dom.js";

const SHOWN_MS = 6_000;

/** Tell a screen reader. */
export function announce(text) {
  document.getElementById("announcement").textContent = text;
}

/** Show a message in the corner; `kind` is "done" or "error". */
export function toast(text, kind = "done") {
  const message = h("p", { class: `toast ${kind}` }, text);
  const toasts = document.getElementById("toasts");
  toasts.append(message);
  // Above a dialog that is open, too.
  if (toasts.matches(":popover-open")) toasts.hidePopover();
  toasts.showPopover();
  announce(text);
  setTimeout(() => {
    message.remove();
    if (!toasts.childElementCount && toasts.matches(":popover-open")) toasts.hidePopover();
  }, kind === "error" ? 2 * SHOWN_MS : SHOWN_MS);
}

/** Show what went wrong, as the server says it. */
export const showError = (error) => toast(error.sentence ?? error.message, "error");
