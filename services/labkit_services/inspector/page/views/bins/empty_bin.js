// What a bin without requests teaches: how to send the first.

import { snippet } from "../../components/copy.js";
import { createTabs } from "../../components/tabs.js";
import { showError } from "../../components/toast.js";
import { fill, h } from "../../dom.js";

const DEFAULT_NAME = "callbacks";

const WAYS = {
  curl: (url) => `curl -d 'hello' ${url}`,
  faas: (url) => `echo -n "LaterIsBetter" | faas-cli invoke figlet --async \\\n  --header "X-Callback-Url: ${url}"`,
  python: (_, name) =>
    `bin = lab.bin("${name}")\ncall = lab.invoke_async("figlet", "LaterIsBetter", callback=bin)\nprint(bin.wait(call_id=call.id).text)`,
};
const LABELS = { curl: "curl", faas: "faas-cli", python: "Python" };

export function createEmptyBin({ store, words }) {
  const element = h("section", { class: "empty", id: "introduction", "aria-labelledby": "introduction-title", hidden: true });
  let shownFor = "";

  function show(bin, current) {
    const name = current || DEFAULT_NAME;
    const url = bin?.worker_url ?? `${store.get("base")}/r/${name}`;
    if (shownFor === url) return;
    shownFor = url;
    const tabs = createTabs({
      label: words("bins.empty.ways"),
      tabs: Object.entries(WAYS).map(([way, text]) => ({
        name: way,
        label: LABELS[way],
        build: () => [h("p", null, words(`bins.empty.${way}`)), snippet(words, text(url, name), { id: `snippet-${way}`, "aria-label": LABELS[way] })],
      })),
    });
    fill(
      element,
      h("h3", { id: "introduction-title", class: "waiting" }, h("span", { class: "dot", "aria-hidden": "true" }), words("bins.empty.title")),
      h("p", null, words("bins.empty.text")),
      tabs.element,
      h("p", null, words("bins.empty.test"), " ",
        h("button", { type: "button", id: "send-test", on: { click: () => sendTest(name) } }, words("bins.empty.send"))),
    );
  }

  return { element, show };
}

/** Send a request to a bin as any client does; the bin is made if it does not exist. */
async function sendTest(name) {
  try {
    await fetch(`r/${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ hello: "from the inspector's page" }),
    });
  } catch (error) {
    showError(error);
  }
}
