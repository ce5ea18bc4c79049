// Copies text to the clipboard.

import { h } from "./dom.js";

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not allowed in a frame, or no secure context: the old way.
    const area = h("textarea", { "aria-hidden": "true", prop: { value: text }, style: { position: "fixed", opacity: "0", top: "0" } });
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus?.({ preventScroll: true });
  }
}
