// What a bin answers to callbacks: 200, 503, or nothing until somebody answers by hand.

import { fill, h } from "../dom.js";
import { plain } from "../timeline/say.js";
import { ask, createStatus, perform } from "./command.js";
import { button, choice, field, pythonCall, section, switches } from "./parts.js";

const POLL_MS = 1500;
const DEFAULT_BIN = "callbacks";

export function createAnswers({ api, say, lab, signal }) {
  const status = createStatus(say);
  const bins = choice(() => { status.clear(); readHold(); show(); });
  const python = pythonCall(say);
  const answer = switches(say, "answer", ["200", "503", "hold"], choose);
  const create = button(say, "bin.create", createBin, { values: { bin: DEFAULT_BIN } });
  const held = h("p", { class: "pn-held", role: "status" });
  const release = ["200", "503"].map((code) => button(say, "held.answer", () => answerHeld(Number(code)), { values: { status: code }, className: "pn-quiet" }));
  const heldRow = h("div", { class: "pn-row", hidden: true }, held, release);
  const rules = h("p", { class: "pn-note", hidden: true }, say("panel.bin.rules"));
  const element = section(say, "answers",
    field(say, "bin", bins.element), create,
    h("div", { class: "pn-row" }, answer.element, python.element),
    heldRow, rules, status.element);
  let ids = [];
  bins.element.addEventListener("focus", () => lab.readBins());
  let timer = null;
  signal.addEventListener("abort", () => clearInterval(timer));

  const current = () => lab.bins?.find(({ name }) => name === bins.value);
  const path = (rest = "") => `api/v1/bins/${encodeURIComponent(bins.value)}${rest}`;

  async function choose(name) {
    // Rules come before what the bin answers else: as in Python, what is chosen replaces them.
    const changes = {
      200: [["DELETE", "/responses"], ["DELETE", "/forward"], ["DELETE", "/hold"], ["PUT", "", { answer: 200 }]],
      503: [["DELETE", "/responses"], ["DELETE", "/hold"], ["PUT", "", { answer: 503 }]],
      hold: [["DELETE", "/responses"], ["PUT", "", { answer: 200 }], ["PUT", "/hold", { enabled: true }]],
    }[name];
    await perform(status, async (options) => {
      for (const [method, rest, body] of changes) await ask(api, say, method, path(rest), body, options);
    }, { busy: answer.buttons, done: () => say(`panel.answer.${name}.done`, { bin: plain(bins.value) }) });
    await lab.readBins();
    readHold();
  }

  async function createBin() {
    const made = await perform(status, (options) => ask(api, say, "PUT", `api/v1/bins/${DEFAULT_BIN}`, {}, options), { busy: [create] });
    if (made) lab.readBins();
  }

  async function readHold() {
    if (!current()?.hold) ids = [];
    else ids = await ask(api, say, "GET", path("/hold")).then((hold) => hold.held, () => ids);
    show();
  }

  async function answerHeld(code) {
    const wanted = [...ids];
    await perform(status, async (options) => {
      for (const id of wanted) {
        const one = ask(api, say, "PUT", path(`/requests/${encodeURIComponent(id)}/response`), { status: code }, options);
        await one.catch((problem) => { if (![404, 409].includes(problem.status)) throw problem; }); // answered meanwhile
      }
    }, { busy: release, done: () => say("panel.held.answered", { n: wanted.length, status: code }) });
    readHold();
  }

  function show() {
    bins.offer((lab.bins ?? []).map(({ name }) => [name, plain(name)]), DEFAULT_BIN);
    const bin = current();
    for (const each of answer.buttons) each.disabled = !bin;
    create.hidden = lab.bins === null || lab.bins.length > 0;
    const chosen = !bin || bin.rules ? "" : bin.hold ? "hold" : String(bin.answer);
    answer.press(chosen);
    python.show(`answer.${["503", "hold"].includes(chosen) ? chosen : "200"}`, { bin: plain(bins.value || DEFAULT_BIN) });
    rules.hidden = !bin?.rules;
    heldRow.hidden = !bin?.hold;
    if (!bin?.hold) timer = clearInterval(timer) ?? null;
    else timer ??= setInterval(() => !document.hidden && readHold(), POLL_MS);
    const text = say("panel.held", { n: ids.length });
    if (held.textContent !== text) fill(held, text);
    for (const each of release) each.disabled = !ids.length;
  }

  return { element, show };
}
