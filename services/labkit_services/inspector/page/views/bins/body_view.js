// A body: as text, indented JSON, a form's fields, or a hexadecimal dump.

import { copyButton } from "../../components/copy.js";
import { h, fill, visible } from "../../dom.js";
import { bytes, decodeBase64, hexdump, indentJson } from "../../format.js";

let preferred = ""; // the kind of view that the user chose last

/** `text` is undefined if the body is binary; `decoded` is { text, encodings, charset, size, notes } or null. */
export function bodyView({ words }, { base64, text, type, size, form, decoded, rawUrl }) {
  if (!size) return h("p", { class: "secondary body-kind" }, words("body.none"));
  const shownText = decoded ? decoded.text ?? undefined : text;
  const json = shownText === undefined ? null : indentJson(shownText);
  const kinds = {
    ...(json !== null && { json: () => pre(visible(json)) }),
    ...(form && { form: () => formTable(words, form) }),
    ...(shownText !== undefined && { text: () => pre(visible(shownText)) }),
    hex: () => pre(hexText()),
  };
  const names = Object.keys(kinds);
  const own = ownKind({ json, form, text: shownText, type: type ?? "" });
  const content = h("div", { class: "body-content" });
  const buttons = names.map((name) =>
    h("button", { type: "button", class: "quiet", data: { kind: name }, on: { click: () => choose(name) } }, words(`body.${name}`)));

  const pre = (children) => h("pre", { class: "body", tabindex: "0", "aria-label": words("body") }, children);

  function hexText() {
    const all = decodeBase64(base64);
    return `${hexdump(all)}${all.length > 1024 ? `\n${words("body.hex.cut")}` : ""}`;
  }

  function choose(name) {
    preferred = name;
    show(name);
  }

  function show(name) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.kind === name));
    fill(content, kinds[name]());
  }

  show(names.includes(preferred) ? preferred : own);
  return [
    h("div", { class: "row body-bar" },
      h("h4", null, words("body"), " ", h("span", { class: "secondary body-kind" },
        visible([bytes(size), type, shownText === undefined ? words("body.binary") : "", decodedNote(words, decoded)].filter(Boolean).join(" · ")))),
      h("span", { class: "space" }),
      h("div", { class: "kinds", role: "group", "aria-label": words("body.shown_as") }, buttons),
      copyButton(words, () => shownText ?? base64),
      rawUrl && h("a", { class: "button raw", href: rawUrl, target: "_blank", rel: "noopener" }, words("raw.open"))),
    content,
  ];
}

/**
 * Return how a body is shown at first: as its type says, and as text if that
 * is not so. curl -d calls everything a form.
 */
function ownKind({ json, form, text, type }) {
  if (text === undefined) return "hex";
  if (json !== null && /json|x-www-form-urlencoded/i.test(type)) return "json";
  return form && text.includes("=") ? "form" : "text";
}

function decodedNote(words, decoded) {
  if (!decoded) return "";
  const made = [...(decoded.encodings ?? []), decoded.charset].filter(Boolean).join(", ");
  return [made && words("body.decoded", { how: made, size: bytes(decoded.size ?? 0) }), ...(decoded.notes ?? [])].filter(Boolean).join("; ");
}

function formTable(words, form) {
  const pairs = Array.isArray(form) ? form : Object.entries(form).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
  return h("table", { class: "headers form-fields" },
    h("thead", { class: "screen-reader" }, h("tr", null, h("th", { scope: "col" }, words("headers.name")), h("th", { scope: "col" }, words("headers.value")))),
    h("tbody", null, pairs.map(([name, value]) => h("tr", null, h("th", { scope: "row" }, visible(name)), h("td", null, visible(value))))));
}
