// No calls yet: how to make one, with the functions and the gateway of this lab.

import { snippet } from "../components/copy.js";
import { fill, h } from "../dom.js";
import { openSendForm } from "../send_call.js";

const GATEWAY = "http://127.0.0.1:8080";
const EXAMPLE = "echo";
const AGAIN_MS = 2_000;

/** Returns the element. The lab's own names come in as soon as they are known, and functions as they are deployed. */
export function createEmptyCalls(context) {
  const { api, words } = context;
  const element = h("section", { class: "empty" });
  let shown = "";
  show(GATEWAY, [EXAMPLE]);
  read();

  async function read() {
    const found = await api.get("api/v1/functions").catch(() => null); // no lab: what is shown stays
    const known = found && [found.gateway_url || GATEWAY, (found.functions ?? []).map((each) => each.name)];
    if (known && JSON.stringify(known) !== shown) {
      shown = JSON.stringify(known);
      show(...known);
    }
    setTimeout(() => element.isConnected && read(), AGAIN_MS);
  }

  function show(gateway, functions) {
    const name = functions.includes(EXAMPLE) ? EXAMPLE : functions[0] ?? EXAMPLE;
    fill(element,
      h("h3", null, words("calls.empty.title")),
      !functions.length && [h("p", null, words("calls.empty.deploy")), snippet(words, `lab.deploy("${EXAMPLE}", fprocess="cat")`)],
      h("p", null, words(functions.length ? "calls.empty.text" : "calls.empty.deploy.then")),
      snippet(words, `curl -i ${gateway}/async-function/${name} -d "LaterIsBetter"`),
      snippet(words, `echo -n "LaterIsBetter" | faas-cli invoke ${name} --async --gateway ${gateway}`),
      snippet(words, `call = lab.invoke_async("${name}", "LaterIsBetter")`),
      functions.length > 0 && h("p", { class: "row" }, words("calls.empty.send"),
        h("button", { type: "button", on: { click: () => openSendForm(context, { function: name, body: "LaterIsBetter" }) } }, words("send.open"))));
  }
  return element;
}
