// The head of a bin: its name, its two URLs, its settings and actions.

import { binPath } from "../../api.js";
import { copyButton } from "../../components/copy.js";
import { confirmDialog } from "../../components/dialog.js";
import { createMenu } from "../../components/menu.js";
import { explain, term } from "../../components/term.js";
import { showError, toast } from "../../components/toast.js";
import { fill, h, visible } from "../../dom.js";
import { importRequests, openForward, openSecret, openSettings } from "./bin_settings.js";
import { openRules } from "./rules.js";
import { openVerify } from "./verify.js";

const EXPORTS = ["har", "jsonl", "csv"];

export function createBinHead(context, { onDelete }) {
  const { api, store, words } = context;
  const title = h("h2", { id: "bin-name" });
  const count = h("p", { id: "bin-count", class: "secondary" });
  const note = h("p", { class: "secondary bin-note", hidden: true });
  const url = h("code", { id: "bin-url" });
  const browserUrl = h("a", { id: "browser-url", target: "_blank", rel: "noopener" });
  const hold = explain(h("button", { type: "button", id: "hold", on: { click: toggleHold } }, words("hold")), words("hold.help"));
  const badges = h("span", { class: "row" });
  const actions = h("div", { class: "row bin-actions" });
  const element = h(
    "section",
    { class: "bin-head", id: "bin-head", "aria-label": words("bins.this") },
    h("div", { class: "row" }, h("span", { class: "swatch", "aria-hidden": "true" }), title, count, badges, h("span", { class: "space" }), actions),
    note,
    h("div", { class: "urls" },
      h("span", null, term(words, "worker_url")), h("span", { class: "url" }, url, copyButton(words, () => url.textContent)),
      h("span", null, term(words, "browser_url")), h("span", { class: "url" }, browserUrl)),
  );
  let bin = null;
  let name = "";
  let menuFor = null;

  function show(current, currentName) {
    bin = current ?? null;
    name = currentName;
    title.textContent = name || words("bins.none");
    count.textContent = bin ? words("bins.count", { n: bin.count }) : words(name ? "bins.first.this" : "bins.first.any");
    note.hidden = !bin?.note;
    fill(note, visible(bin?.note ?? ""));
    const known = name || "callbacks";
    url.textContent = bin?.worker_url ?? `${store.get("base")}/r/${known}`;
    browserUrl.href = new URL(`r/${encodeURIComponent(known)}`, document.baseURI).href;
    browserUrl.textContent = browserUrl.href;
    hold.setAttribute("aria-pressed", String(Boolean(bin?.hold)));
    fill(
      badges,
      bin?.forward?.url && h("span", { class: "badge wait", title: bin.forward.url }, words("forward.badge")),
      bin?.answer !== undefined && bin.answer !== 200 && h("span", { class: "badge wait" }, words("bins.answers", { status: bin.answer || words("requests.cut") })),
    );
    if (menuFor === (bin && name)) return; // an open menu stays open
    menuFor = bin && name;
    fill(actions, bin && [hold, button("rules", words("rules.open"), () => openRules(context, name)), button("verify", words("verify.open"), () => openVerify(context, name)), menu()]);
  }

  const button = (id, label, onClick) => h("button", { type: "button", id, on: { click: onClick } }, label);

  const menu = () =>
    createMenu(words("more"), [
      { label: words("settings.open"), run: () => openSettings(context, bin) },
      { label: words("forward.open"), run: () => openForward(context, bin) },
      { label: words("secret.open"), run: () => openSecret(context, bin) },
      ...EXPORTS.map((format) => ({ label: words(`export.${format}`), href: api.url(binPath(name, `/export?format=${format}`)), download: `${name}.${format}` })),
      { label: words("import.open"), run: () => importRequests(context, bin) },
      { label: words("bins.clear"), run: clear },
      { label: words("bins.delete"), run: remove },
    ], { id: "bin-menu" });

  async function toggleHold() {
    const enabled = !bin?.hold;
    try {
      await api.put(binPath(name, "/hold"), { enabled });
      hold.setAttribute("aria-pressed", String(enabled));
      context.announce(words(enabled ? "hold.on" : "hold.off"));
    } catch (error) {
      if (error.isMissing) toast(words("missing"), "error");
      else showError(error);
    }
  }

  async function clear() {
    const texts = { title: words("bins.clear"), text: words("bins.clear.text", { bin: name, n: bin.count }), action: words("bins.clear") };
    if (await confirmDialog(words, texts)) await api.delete(binPath(name, "/requests")).catch(showError);
  }

  async function remove() {
    const texts = { title: words("bins.delete"), text: words("bins.delete.text", { bin: name, n: bin.count }), action: words("bins.delete") };
    if (!(await confirmDialog(words, texts))) return;
    try {
      await api.delete(binPath(name));
      onDelete();
    } catch (error) {
      showError(error);
    }
  }

  return { element, show };
}
