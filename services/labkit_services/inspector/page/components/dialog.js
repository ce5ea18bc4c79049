// Modal dialogs: the browser's own element traps the focus and closes on Esc.

import { h, uniqueId } from "../dom.js";
import { parseHash } from "../router.js";

/**
 * Open a dialog with a heading; `build(close)` returns its content. Resolves
 * with what `close(value)` was given, undefined on Esc.
 */
export function openDialog({ words, title, className = "" }, build) {
  return new Promise((resolve) => {
    const titleId = uniqueId("dialog");
    let result;
    const close = (value) => {
      result = value;
      dialog.close();
    };
    const dialog = h(
      "dialog",
      {
        class: `dialog ${className}`,
        "aria-labelledby": titleId,
        on: {
          close() {
            removeEventListener("hashchange", leave);
            dialog.remove();
            opener?.isConnected && opener.focus();
            resolve(result);
          },
          // A click on the backdrop; one that began inside, such as selecting text, is none.
          pointerdown: (event) => event.target === dialog && outside(event, dialog) && close(),
        },
      },
      h(
        "header",
        { class: "dialog-head" },
        h("h2", { id: titleId }, title),
        h("button", { type: "button", class: "quiet icon", "aria-label": words("dialog.close"), on: { click: () => close() } }, "✕"),
      ),
      build(close),
    );
    const view = parseHash(location.hash).view;
    const leave = () => parseHash(location.hash).view !== view && close(); // it is about what is behind it
    addEventListener("hashchange", leave);
    const opener = document.activeElement;
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("[data-autofocus]")?.focus();
  });
}

function outside(event, dialog) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

/** Ask before something that cannot be undone. Resolves with true or false. */
export async function confirmDialog(words, { title, text, action }) {
  const answer = await openDialog({ words, title, className: "small" }, (close) =>
    h(
      "div",
      { class: "dialog-body" },
      h("p", null, text),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", "data-autofocus": true, on: { click: () => close(false) } }, words("dialog.cancel")),
        h("button", { type: "button", class: "danger", on: { click: () => close(true) } }, action),
      ),
    ),
  );
  return answer === true;
}
