// The page of the control panel's tests: a model whose messages go to the test's relay, and topics of the feed.

import { createApi } from "/notebook/api.js";
import { createPanel } from "/panel/panel.js";

const language = new URLSearchParams(location.search).get("lang") ?? "en";
const load = async (name) => (await fetch(name)).json();
const [words, marks] = [await load(`/words/${language}.json`), await load("/marks.json")];
const { run } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
const abort = new AbortController();
const handlers = new Set();
const model = {
  send: (message) => void fetch("/messages", { method: "POST", body: JSON.stringify(message) }),
  on: (_name, handler) => handlers.add(handler),
  off: (_name, handler) => handlers.delete(handler),
};

async function listen() {
  while (!abort.signal.aborted) {
    const messages = await load("/messages").catch(() => []);
    for (const message of messages) for (const handler of [...handlers]) handler(message);
  }
}

async function feed(panel) {
  while (!abort.signal.aborted) {
    for (const [name, set] of [["queues", panel.setQueues], ["services", panel.setServices], ["functions", panel.setFunctions]]) {
      const response = await fetch(`/feed/api/v1/${name}`).catch(() => null);
      set(response?.ok ? await response.json() : { error: "not there" });
    }
    await new Promise((done) => setTimeout(done, 200));
  }
}

const announced = [];
const settings = { run };
const api = createApi({ model, settings, signal: abort.signal });
const sent = [];
const watched = { send: async (...request) => {
  const answer = await api.send(...request);
  sent.push([request[0], request[1], answer.status, answer.via]);
  return answer;
} };
const panel = createPanel(document.getElementById("root"), { words, marks, api: watched, announce: (text) => announced.push(text) });
listen();
feed(panel);
panel.readRest();
Object.assign(window, { panel, api, announced, sent, handlers, settings, end() { abort.abort(); panel.destroy(); }, ready: true });
