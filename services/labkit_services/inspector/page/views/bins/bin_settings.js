// Small dialogs for a bin's settings: capacity and note, forward, secret, import.

import { binPath } from "../../api.js";
import { openDialog } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { fill, h } from "../../dom.js";

/**
 * Open a form. Each field is { name, label, value, type?, help?, choices? };
 * `save(values)` may raise an ApiError, which is shown.
 */
export function openForm({ words }, { title, text, fields, save, extra }) {
  return openDialog({ words, title, className: "small" }, (close) => {
    const error = h("p", { class: "error", role: "alert" });
    const inputs = fields.map(({ name, value, type = "text", choices, label, help }, place) => {
      const autofocus = place === 0;
      if (type === "checkbox") return h("label", { class: "choice" }, h("input", { type, name, checked: Boolean(value), "data-autofocus": autofocus }), label);
      const input = choices
        ? h("select", { name, "data-autofocus": autofocus }, choices.map(([key, text]) => h("option", { value: key, selected: key === value }, text)))
        : type === "textarea" ? h("textarea", { name, rows: "4", prop: { value: value ?? "" } })
        : h("input", { name, type: type === "number" ? "number" : "text", value: value ?? "", autocomplete: "off", spellcheck: "false", "data-autofocus": autofocus });
      return h("label", { class: "field" }, h("span", null, label), input, help && h("span", { class: "small-text secondary" }, help));
    });
    const form = h("form", { class: "dialog-body", on: { submit } }, text && h("p", { class: "secondary" }, text), inputs, error,
      h("div", { class: "actions" }, extra?.(close), h("button", { type: "button", on: { click: () => close() } }, words("dialog.cancel")), h("button", { class: "primary" }, words("save"))));
    async function submit(event) {
      event.preventDefault();
      const values = Object.fromEntries(fields.map(({ name, type }) => {
        const input = form.elements[name];
        return [name, type === "checkbox" ? input.checked : type === "number" ? Number(input.value) : input.value.trim()];
      }));
      try {
        await save(values);
        close(values);
      } catch (problem) {
        fill(error, problem.isMissing ? words("missing") : problem.sentence ?? problem.message);
      }
    }
    return form;
  });
}

export const openSettings = (context, bin) =>
  openForm(context, {
    title: context.words("settings.title"),
    fields: [
      { name: "capacity", type: "number", value: bin.capacity, label: context.words("settings.capacity"), help: context.words("settings.capacity.help") },
      { name: "answer", type: "number", value: bin.answer, label: context.words("settings.answer"), help: context.words("settings.answer.help") },
      { name: "note", type: "textarea", value: bin.note, label: context.words("note") },
    ],
    save({ capacity, answer, note }) {
      return context.api.put(binPath(bin.name), { capacity, answer, ...((note || bin.note) && { note }) });
    },
  });

export function openForward(context, bin) {
  const { api, words } = context;
  const path = binPath(bin.name, "/forward");
  const turnOff = (close) =>
    bin.forward?.url && h("button", { type: "button", class: "danger", on: { click: async () => (await api.delete(path).catch((error) => toast(error.sentence, "error")), close()) } }, words("forward.off"));
  return openForm(context, {
    title: words("forward.title"),
    text: words("forward.text"),
    extra: turnOff,
    fields: [
      { name: "url", value: bin.forward?.url, label: words("forward.url") },
      { name: "mode", value: bin.forward?.mode ?? "proxy", label: words("forward.mode"), choices: [["proxy", words("forward.proxy")], ["copy", words("forward.copy")]] },
      { name: "expand_path", type: "checkbox", value: bin.forward?.expand_path, label: words("forward.expand") },
    ],
    save: (values) => api.put(path, values),
  });
}

export const openSecret = (context, bin) =>
  openForm(context, {
    title: context.words("secret.title"),
    text: context.words("secret.text"),
    fields: [{ name: "secret", value: "", label: context.words("secret.label") }],
    save: ({ secret }) => context.api.put(binPath(bin.name), { secret }),
  });

/** Let the user choose a file of exported requests, and import it. */
export function importRequests({ api, words }, bin) {
  const chooser = h("input", { type: "file", accept: ".har,.json,.jsonl", class: "screen-reader", "aria-label": words("import.open") });
  chooser.addEventListener("change", async () => {
    const [file] = chooser.files;
    if (!file) return;
    try {
      const result = await api.postText(binPath(bin.name, "/import"), await file.text());
      toast(words("import.done", { n: result?.imported ?? result?.count ?? "" }));
    } catch (error) {
      toast(error.isMissing ? words("missing") : error.sentence, "error");
    }
  });
  chooser.click();
}
